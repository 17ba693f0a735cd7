/**
 * Who is signed in, for all tabs of this browser: a token that a link carried in its fragment, or tokens of a login.
 *
 * A fragment is never sent to a server; what it says is kept, and taken out of the address bar and the history.
 */

export interface Session {
  accessToken: string;
  /** Good once; absent where the session came from a link. */
  refreshToken?: string;
  /** When the access token ends, in milliseconds since 1970; absent where nobody said. */
  expiresAt?: number;
}

const KEY = "headgate.session";
const listeners = new Set<() => void>();
let known: { text: string | null; session: Session | null } = { text: null, session: null };

/** The session as it is now, in whichever tab it began; the same object until it changes. */
export function session(): Session | null {
  const text = localStorage.getItem(KEY);
  if (text !== known.text) known = { text, session: read(text) };
  return known.session;
}

/** Begin a session, go on with new tokens, or end it. */
export function setSession(next: Session | null): void {
  if (next === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(next));
  tell();
}

/** Call back whenever a session begins, changes or ends, in this tab or another; answers how to stop that. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take the token that the page's link carries as `#token=…`, if it does. */
export function takeTokenFromLink(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const accessToken = fragment.get("token");
  if (!accessToken) return;
  setSession({ accessToken });
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
}

function read(text: string | null): Session | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    const isSession = typeof value === "object" && value !== null && "accessToken" in value;
    return isSession ? (value as Session) : null;
  } catch {
    return null;
  }
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) tell();
});
