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
  /** From when on it is time for new tokens, in milliseconds since 1970; absent where none can be had. */
  refreshAt?: number;
}

/** Why nobody is signed in: the user signed out, the session was ended or ran out, or the link's token is not good. */
export type Ending = "signed-out" | "session" | "link";

const KEY = "headgate.session";
const ENDING_KEY = "headgate.ending";
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
  else {
    localStorage.setItem(KEY, JSON.stringify(next));
    localStorage.removeItem(ENDING_KEY);
  }
  tell();
}

/** End the session, in all tabs, and remember why. */
export function endSession(why: Ending): void {
  localStorage.setItem(ENDING_KEY, why);
  setSession(null);
}

/** Why the last session ended; null where there was none. */
export function ending(): Ending | null {
  const why = localStorage.getItem(ENDING_KEY);
  return why === "signed-out" || why === "session" || why === "link" ? why : null;
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
