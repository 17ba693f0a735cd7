/** `graphql("…")` with the types of schema.graphql: an operation that it doesn't have fails the build. */

import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./schema";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: {
    /** At most 2^53-1 in size. */
    BigInt: number;
    /** RFC 3339, in UTC. */
    DateTime: string;
    JSON: Json;
  };
}>();

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export type { ResultOf, VariablesOf } from "gql.tada";
