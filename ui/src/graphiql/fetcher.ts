/** How GraphiQL asks: queries and mutations over HTTP, subscriptions over the page's socket. */

import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import { Kind, type OperationDefinitionNode, OperationTypeNode, parse } from "graphql";
import { session } from "../session";
import { type Events, events, SIGN_IN_FIRST } from "./events";
import { type Answer, ask, failure } from "./http";

/** A fetcher for one session: GraphiQL reads the schema again when it gets another. */
export function makeFetcher(): Fetcher {
  const fetch = (params: FetcherParams, options?: FetcherOpts): Promise<Answer> | Events => {
    const wanted = operationOf(params);
    const operation = wanted ? { ...params, operationName: wanted.name?.value } : params;
    if (wanted?.operation === OperationTypeNode.SUBSCRIPTION) return events(operation);
    const isIntrospection = operation.operationName === "IntrospectionQuery";
    return isIntrospection && !session() ? signInFirst() : ask(operation, lowered(options?.headers));
  };
  return fetch as Fetcher; // whose errors are to be objects of graphql-js, which GraphiQL only prints
}

/** The operation that is to be run. The name that GraphiQL gives is, for a moment, still that of the tab before. */
function operationOf({ query, operationName }: FetcherParams): OperationDefinitionNode | undefined {
  const operations = operationsIn(query);
  const named = operations.find(({ name }) => name?.value === operationName);
  return named ?? (operations.length === 1 ? operations[0] : undefined);
}

function operationsIn(query: string): OperationDefinitionNode[] {
  try {
    return parse(query).definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION);
  } catch {
    return []; // the server says what is wrong with it
  }
}

async function signInFirst(): Promise<Answer> {
  return failure("UNAUTHENTICATED", SIGN_IN_FIRST);
}

/** Header names count whatever their case. */
function lowered(headers: FetcherOpts["headers"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
