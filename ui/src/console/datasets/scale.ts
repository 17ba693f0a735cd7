/** Numbers and moments along an axis. */

import type { ColumnType } from "./conditions";

const figures = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const times = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", timeZone: "UTC" });

/** 91.21957884615385 is 91.2196. */
export function figure(value: number): string {
  return figures.format(value);
}

/** The edge of a bin of a column of this type. */
export function edge(value: number, type: ColumnType): string {
  if (type === "DATE") return days.format(value);
  if (type === "DATETIME") return moments.format(value);
  if (type === "TIME") return times.format(value);
  return figure(value);
}
