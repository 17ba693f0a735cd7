import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { graphql } from "../../../graph";

type ErrorFilter = ReturnType<typeof graphql.scalar<"ErrorFilter">>;

export interface ErrorGroup {
  code: string | null;
  column: string | null;
  severity: "ERROR" | "WARNING" | null;
}

export interface ErrorFilters {
  filter: ErrorFilter;
  /** Whether only errors of this group are shown. */
  isChosen: (group: ErrorGroup) => boolean;
  /** Show the errors of this group alone, or of all groups. */
  choose: (group: ErrorGroup | null) => void;
}

const NAMES = ["code", "column", "severity"] as const;

/** Which errors are shown, as the address says. */
export function useErrorFilter(): ErrorFilters {
  const [search, setSearch] = useSearchParams();
  const [code, column, severity] = NAMES.map((name) => search.get(name));
  return useMemo(() => {
    const filter: ErrorFilter = {
      code: code ? [code] : undefined,
      column: column ? [column] : undefined,
      severity: severity === "ERROR" || severity === "WARNING" ? severity : undefined,
    };
    const isChosen = (group: ErrorGroup) =>
      code !== null && group.code === code && group.column === column && (severity === null || group.severity === severity);
    const choose = (group: ErrorGroup | null) =>
      setSearch((before) => {
        const next = new URLSearchParams(before);
        for (const name of NAMES) {
          if (group?.[name]) next.set(name, group[name]);
          else next.delete(name);
        }
        return next;
      }, { replace: true });
    return { filter, isChosen, choose };
  }, [code, column, severity, setSearch]);
}
