/** How GraphiQL asks: queries and mutations over HTTP, subscriptions over the page's socket. */

import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import { type DocumentNode, Kind, type OperationDefinitionNode, OperationTypeNode } from "graphql";
import { session } from "../session";
import { type Events, events, SIGN_IN_FIRST } from "./events";
import { type Answer, ask, failure } from "./http";

/** A fetcher for one session: GraphiQL reads the schema again when it gets another. */
export function makeFetcher(): Fetcher {
  const fetch = (params: FetcherParams, options?: FetcherOpts): Promise<Answer> | Events => {
    if (isSubscription(params, options)) return events(params);
    const isIntrospection = params.operationName === "IntrospectionQuery";
    return isIntrospection && !session() ? signInFirst() : ask(params, lowered(options?.headers));
  };
  return fetch as Fetcher; // whose errors are to be objects of graphql-js, which GraphiQL only prints
}

async function signInFirst(): Promise<Answer> {
  return failure("UNAUTHENTICATED", SIGN_IN_FIRST);
}

function isSubscription({ operationName }: FetcherParams, options?: FetcherOpts): boolean {
  const named = operations(options?.documentAST).find(({ name }) => !operationName || name?.value === operationName);
  return named?.operation === OperationTypeNode.SUBSCRIPTION;
}

function operations(document?: DocumentNode): OperationDefinitionNode[] {
  return document?.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION) ?? [];
}

/** Header names count whatever their case. */
function lowered(headers: FetcherOpts["headers"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
