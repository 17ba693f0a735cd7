/** What subscriptions tell, over the page's socket. */

import type { FetcherParams } from "@graphiql/toolkit";
import { SIGNED_OUT, socket } from "../socket";
import { type Answer, failure } from "./http";

interface Sink {
  next: (answer: Answer) => void;
  complete: () => void;
}

/** What can be subscribed to, as GraphiQL does it: with one object of callbacks. */
export interface Events {
  subscribe: (sink: Sink) => { unsubscribe: () => void };
}

const NORMAL_CLOSURE = 1000;
export const SIGN_IN_FIRST = "Nobody is signed in. Sign in, or paste a token, at the top of this page.";
const CONNECTION_LOST = "The connection to the server is lost. This goes on by itself once the server is back.";

/** What a subscription tells until it ends or is stopped; faults are told as answers. */
export function events(operation: FetcherParams): Events {
  return { subscribe: (sink) => ({ unsubscribe: listen(operation, sink) }) };
}

/** Subscribe; answers how to stop. */
function listen({ query, variables, operationName }: FetcherParams, sink: Sink): () => void {
  const stopWatching = socket.on("closed", (event) => {
    if (!(event instanceof CloseEvent && event.code === NORMAL_CLOSURE)) sink.next(failure("UNREACHABLE", CONNECTION_LOST));
  });
  const stopEvents = socket.subscribe({ query, variables, operationName }, {
    next: (answer) => sink.next(answer as Answer),
    complete: end,
    error: (fault) => {
      sink.next(explained(fault));
      end();
    },
  });

  function end() {
    stopWatching();
    sink.complete();
  }
  return () => {
    stopWatching();
    stopEvents();
  };
}

function explained(fault: unknown): Answer {
  if (Array.isArray(fault)) return { errors: fault };
  if (!(fault instanceof CloseEvent)) return failure("UNREACHABLE", CONNECTION_LOST);
  if (fault.code === SIGNED_OUT) return failure("UNAUTHENTICATED", SIGN_IN_FIRST);
  return failure("SOCKET_CLOSED", `The server closed the connection: ${fault.code} ${fault.reason}`);
}
