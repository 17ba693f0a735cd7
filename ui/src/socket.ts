/** The page's one WebSocket: all subscriptions go through it, and it opens when the first one begins. */

import { createClient } from "graphql-ws";
import { session } from "./session";

const url = new URL("/graphql", location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

/** How the server closes a socket whose token is not, or no longer, good. */
const SIGNED_OUT = 4403;

export const socket = createClient({
  url: url.href,
  connectionParams: () => ({ Authorization: `Bearer ${session()?.accessToken ?? ""}` }),
  retryAttempts: Infinity,
  shouldRetry: (fault) => !(fault instanceof CloseEvent && fault.code === SIGNED_OUT),
});
