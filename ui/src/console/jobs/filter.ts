/** Which jobs are listed: kept in the address, so that it can be shared and gone back to. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { graphql } from "../../graph";
import { type JobStatus, STATUS_NAMES } from "../shared/Status";
import { type JobKind, KIND_NAMES } from "./words";

export type JobFilter = ReturnType<typeof graphql.scalar<"JobFilter">>;

/** The names that a filter has in the address. */
export type FilterName = "status" | "kind" | "dataset" | "pipeline" | "from" | "until" | "file" | "parent" | "createdBy";

export interface Filters {
  /** As the API takes it. */
  filter: JobFilter;
  /** What is set, as it stands in the address. */
  given: ReadonlyMap<string, string>;
  /** Set one part; nothing takes it away. */
  set: (name: FilterName, value: string | null) => void;
  /** Add a status, or take it away. */
  toggleStatus: (status: JobStatus) => void;
  clear: () => void;
}

const NAMES: readonly FilterName[] = ["status", "kind", "dataset", "pipeline", "from", "until", "file", "parent", "createdBy"];

/** The filter that the address carries, and how to change it. */
export function useFilters(): Filters {
  const [search, setSearch] = useSearchParams();
  const text = search.toString();
  const set = useCallback(
    (name: FilterName, value: string | null) =>
      setSearch((before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      }, { replace: true }),
    [setSearch],
  );
  return useMemo(() => {
    const given = read(new URLSearchParams(text));
    const filter = filterOf(given);
    const toggleStatus = (status: JobStatus) => {
      const others = (filter.status ?? []).filter((each) => each !== status);
      const isSet = others.length !== (filter.status ?? []).length;
      set("status", (isSet ? others : [...others, status]).join(","));
    };
    return { given, filter, set, toggleStatus, clear: () => setSearch(new URLSearchParams(), { replace: true }) };
  }, [text, set, setSearch]);
}

function read(search: URLSearchParams): ReadonlyMap<string, string> {
  return new Map(NAMES.map((name) => [name, search.get(name) ?? ""] as const).filter(([, value]) => value));
}

/** What an address says that no filter knows is passed over. */
function filterOf(given: ReadonlyMap<string, string>): JobFilter {
  const statuses = (given.get("status") ?? "").split(",").filter((each): each is JobStatus => each in STATUS_NAMES);
  const kind = given.get("kind") ?? "";
  return {
    status: statuses.length ? statuses : undefined,
    kind: kind in KIND_NAMES ? [kind as JobKind] : undefined,
    dataset: given.get("dataset"),
    pipeline: given.get("pipeline"),
    file: given.get("file"),
    parent: given.get("parent"),
    createdBy: given.get("createdBy"),
    createdAfter: justBefore(given.get("from"), 0),
    createdBefore: justBefore(given.get("until"), 1),
  };
}

/** The last millisecond before a day of the browser's calendar, or before one some days later. */
function justBefore(day: string | undefined, later: number): string | undefined {
  const [year, month, date] = (day ?? "").split("-").map(Number);
  if (!year || !month || !date) return undefined;
  return new Date(new Date(year, month - 1, date + later).getTime() - 1 + later).toISOString();
}
