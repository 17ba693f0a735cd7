/** How a session goes on when its access token has ended, or is about to. */

import { endSession, type Session, session, setSession } from "./session";

/** What login and refreshToken answer; null where there are none. */
export interface Tokens {
  accessToken: string | null;
  refreshToken: string | null;
  expiresAt: string | null;
}

const REFRESH_BEFORE_MS = 5 * 60_000;

/**
 * Change the refresh token of the session `refused` for new tokens, or end it. A token is good once: only one tab may
 * send it, and the others go on with what it gets.
 */
export async function renewSession(
  send: (refreshToken: string) => Promise<Tokens | "unreachable">,
  refused: Session | null = session(),
): Promise<void> {
  await alone(async () => {
    const now = session();
    if (now === null || now !== refused) return;
    if (!now.refreshToken) return endSession("link");
    const tokens = await send(now.refreshToken);
    if (tokens === "unreachable" || session() !== now) return;
    const next = sessionOf(tokens);
    if (next) setSession(next);
    else endSession("session");
  });
}

/** The session that tokens of a login begin; null where there are none. */
export function sessionOf({ accessToken, refreshToken, expiresAt }: Tokens): Session | null {
  if (!accessToken) return null;
  return { accessToken, refreshToken: refreshToken ?? undefined, ...(expiresAt ? times(Date.parse(expiresAt)) : {}) };
}

function times(expiresAt: number): Pick<Session, "expiresAt" | "refreshAt"> {
  const lastsMs = expiresAt - Date.now();
  // Where the clocks disagree by more than the token lasts, its refusal says when it is time.
  if (lastsMs <= 0) return {};
  return { expiresAt, refreshAt: expiresAt - Math.min(REFRESH_BEFORE_MS, lastsMs / 5) };
}

let last: Promise<void> = Promise.resolve();

/** Run one at a time in all tabs. Browsers have no locks for pages over plain HTTP from another machine: then in this one. */
async function alone(work: () => Promise<void>): Promise<void> {
  const locks = navigator.locks as LockManager | undefined;
  if (!locks) last = last.then(work);
  await (locks ? locks.request("headgate.refresh", work) : last);
}
