/** The page's one WebSocket: all subscriptions go through it, and it opens when the first one begins. */

import { createClient } from "graphql-ws";
import { session } from "./session";

const url = new URL("/graphql", location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

/** How the server closes a socket whose token is not, or no longer, good. */
const SIGNED_OUT = 4403;
/** How often to ask whether the server is still there, and how long it may take to answer. */
const PING_MS = 10_000;
const PONG_MS = 5_000;
/** How long to wait before the next try to connect, at most. */
const LONGEST_PAUSE_MS = 8_000;
/** How a socket is closed here that nobody answers on. */
const SILENT = 4408;

let silence: ReturnType<typeof setTimeout> | undefined;
let open: WebSocket | undefined;

export const socket = createClient({
  url: url.href,
  connectionParams: () => ({ Authorization: `Bearer ${session()?.accessToken ?? ""}` }),
  retryAttempts: Infinity,
  retryWait: async (retries) => {
    const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** retries);
    // Not all pages at the same moment, after the server was gone for all of them.
    await new Promise((resolve) => setTimeout(resolve, pause * (0.75 + Math.random() / 2)));
  },
  shouldRetry: (fault) => !(fault instanceof CloseEvent && fault.code === SIGNED_OUT),
  keepAlive: PING_MS,
  on: {
    opened: (socket) => {
      open = socket as WebSocket;
    },
    ping: (isReceived) => {
      if (isReceived) return;
      silence = setTimeout(() => open?.close(SILENT, "No answer"), PONG_MS);
    },
    pong: (isReceived) => {
      if (isReceived) clearTimeout(silence);
    },
    closed: () => clearTimeout(silence),
  },
});
