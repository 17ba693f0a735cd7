/** The console's urql client: one cache by ids, which live events keep current, and one socket for them. */

import { type AuthConfig, authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "@urql/exchange-graphcache";
import { Client, type CombinedError, fetchExchange, subscriptionExchange } from "urql";
import { isEnding, refreshSession } from "../auth";
import { session } from "../session";
import { socket } from "../socket";

/** A client for one session: another user's must not find what this one has read. */
export function makeClient(): Client {
  return new Client({
    url: "/graphql",
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    exchanges: [
      cacheExchange({
        keys: {
          // One id stands for all versions of a dataset, and a page may show two of them.
          Dataset: ({ id, version }) => (version == null ? String(id) : `${String(id)}@${String(version)}`),
          // Its id is the caller's own: other jobs may have the same.
          JobItem: () => null,
        },
      }),
      authExchange(async ({ appendHeaders }) => {
        const auth: AuthConfig = {
          addAuthToOperation: (operation) =>
            appendHeaders(operation, { Authorization: `Bearer ${session()?.accessToken ?? ""}` }),
          willAuthError: isEnding,
          didAuthError: isSignedOut,
          refreshAuth: () => refreshSession(),
        };
        return auth;
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query: query ?? "", variables: variables as Record<string, unknown> }, sink),
          }),
        }),
      }),
    ],
  });
}

/** Whether an answer says that nobody is signed in any more. */
export function isSignedOut(error: CombinedError): boolean {
  return error.graphQLErrors.some((each) => each.extensions.code === "UNAUTHENTICATED");
}
