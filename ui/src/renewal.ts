/** How a session goes on when its access token has ended. */

import { type Session, session, setSession } from "./session";

/** What login and refreshToken answer; null where there are none. */
export interface Tokens {
  accessToken: string | null;
  refreshToken: string | null;
  expiresAt: string | null;
}

/** Change the refresh token for new tokens, or end the session. A token is good once: only one tab may send it. */
export async function renewSession(
  send: (refreshToken: string) => Promise<Tokens | "refused" | "unreachable">,
): Promise<void> {
  const before = session();
  await alone(async () => {
    const now = session();
    if (now !== before) return;
    const tokens = now?.refreshToken ? await send(now.refreshToken) : "refused";
    if (tokens !== "unreachable") setSession(tokens === "refused" ? null : sessionOf(tokens));
  });
}

/** The session that tokens of a login begin; null where there are none. */
export function sessionOf({ accessToken, refreshToken, expiresAt }: Tokens): Session | null {
  if (!accessToken) return null;
  return {
    accessToken,
    refreshToken: refreshToken ?? undefined,
    expiresAt: expiresAt ? Date.parse(expiresAt) : undefined,
  };
}

/** Run one at a time in all tabs. Browsers have no locks for pages over plain HTTP from another machine. */
async function alone(work: () => Promise<void>): Promise<void> {
  if ("locks" in navigator) await navigator.locks.request("headgate.refresh", work);
  else await work();
}
