/** The page's one WebSocket: all subscriptions go through it, and it opens when the first one begins. */

import { createClient } from "graphql-ws";
import { freshToken, refreshSession } from "./auth";
import { type Session, session } from "./session";

const url = new URL("/graphql", location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

/** How the server closes a socket whose token is not, or no longer, good. */
export const SIGNED_OUT = 4403;
/** How often to ask whether the server is still there, and how long it may take to answer. */
const PING_MS = 10_000;
const PONG_MS = 5_000;
/** How long to wait before the next try to connect, at most. */
const LONGEST_PAUSE_MS = 4_000;

let silence: ReturnType<typeof setTimeout> | undefined;
let open: WebSocket | undefined;

/** The session of the token that the socket was opened with, and whether the server has refused it since. */
let used: { session: Session | null; isRefused: boolean } = { session: null, isRefused: false };

export const socket = createClient({
  url: url.href,
  connectionParams: async () => {
    if (used.isRefused) await refreshSession(used.session);
    const token = await freshToken();
    used = { session: session(), isRefused: false };
    return { Authorization: `Bearer ${token}` };
  },
  retryAttempts: Infinity,
  retryWait: async (retries) => {
    const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** retries);
    // Not all pages at the same moment, after the server was gone for all of them.
    await new Promise((resolve) => setTimeout(resolve, pause * (0.75 + Math.random() / 2)));
  },
  shouldRetry: (fault) => {
    if (fault instanceof CloseEvent && fault.code === SIGNED_OUT) used = { ...used, isRefused: true };
    return session() !== null;
  },
  keepAlive: PING_MS,
  on: {
    opened: (socket) => {
      open = socket as WebSocket;
    },
    ping: (isReceived) => {
      if (isReceived) return;
      silence = setTimeout(giveUp, PONG_MS);
    },
    pong: (isReceived) => {
      if (isReceived) clearTimeout(silence);
    },
    closed: () => clearTimeout(silence),
  },
});

/** Nobody answers: to close it properly would wait for the other side too. */
function giveUp(): void {
  if (open) open.onclose = null;
  open?.close();
  socket.terminate();
}
