/** Which rows of a dataset a page shows: kept in its address, so that a link leads to the same rows. */

import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { type Condition, parsed, read, written } from "./conditions";

export interface Order {
  column: string;
  direction: "ASC" | "DESC";
}

export interface Wanted {
  /** An old version; null for the newest. */
  version: number | null;
  conditions: Condition[];
  /** The columns that are shown; null for all. */
  columns: string[] | null;
  order: Order | null;
  /** The cursor that the page begins behind, and how many rows are before it. */
  after: string | null;
  skipped: number;
}

type Change = Partial<Wanted> & { view?: null };

/** What the address asks for, and how to ask for something else: other rows are read from their beginning. */
export function useWanted(): [Wanted, (change: Change, state?: unknown) => void] {
  const [query, setQuery] = useSearchParams();
  const wanted = useMemo(() => wantedOf(query), [query]);
  const change = (next: Change, state?: unknown) => setQuery((now) => queryOf(now, { after: null, skipped: 0, ...next }), { state });
  return [wanted, change];
}

/** The path of a dataset's rows. */
export function pathOf(name: string, wanted: Partial<Wanted> = {}): string {
  const query = queryOf(new URLSearchParams(), wanted).toString();
  return `/datasets/${encodeURIComponent(name)}${query && `?${query}`}`;
}

function wantedOf(query: URLSearchParams): Wanted {
  const column = query.get("order");
  return {
    version: numberIn(query, "version"),
    conditions: read(query.get("filter")),
    columns: namesIn(query.get("columns")),
    order: column === null ? null : { column, direction: query.get("direction") === "desc" ? "DESC" : "ASC" },
    after: query.get("after"),
    skipped: numberIn(query, "skipped") ?? 0,
  };
}

function queryOf(before: URLSearchParams, { version, conditions, columns, order, after, skipped, view }: Change): URLSearchParams {
  const query = new URLSearchParams(before);
  put(query, "version", version === undefined ? undefined : (version?.toString() ?? null));
  put(query, "filter", conditions && (conditions.length > 0 ? written(conditions) : null));
  put(query, "columns", columns && JSON.stringify(columns));
  put(query, "order", order === undefined ? undefined : (order?.column ?? null));
  put(query, "direction", order === undefined ? undefined : order?.direction === "DESC" ? "desc" : null);
  put(query, "after", after);
  put(query, "skipped", skipped === undefined ? undefined : skipped > 0 ? String(skipped) : null);
  put(query, "view", view);
  return query;
}

/** Set it, take it away (null), or leave it as it is (undefined). */
function put(query: URLSearchParams, key: string, value: string | null | undefined): void {
  if (value === null) query.delete(key);
  else if (value !== undefined) query.set(key, value);
}

function numberIn(query: URLSearchParams, key: string): number | null {
  const text = query.get(key) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function namesIn(text: string | null): string[] | null {
  const given = parsed(text);
  return Array.isArray(given) ? given.filter((each) => typeof each === "string") : null;
}
