/** Errors as people see them: each bad row once, with all that is wrong with it. */

import { type Json, type ResultOf, graphql } from "../../../graph";
import { textOf } from "../../shared/Value";

export const ErrorsQuery = graphql(`
  query JobErrors($id: ID!, $filter: ErrorFilter, $after: String) {
    job(id: $id) {
      id
      errors(filter: $filter, first: 50, after: $after) {
        edges { node { id row line column value code check severity message suggestion record } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export type RowError = NonNullable<ResultOf<typeof ErrorsQuery>["job"]>["errors"]["edges"][number]["node"];

export interface BadRow {
  /** Its number in the source; null where the fault is of no single row. */
  row: number | null;
  line: number | null;
  /** The record: cells by column, or by place where they could not be told apart. */
  record: Json;
  errors: RowError[];
}

/** Put errors of the same row together; they come in the order of their rows. */
export function rowsOf(errors: RowError[]): BadRow[] {
  const rows: BadRow[] = [];
  for (const error of errors) {
    const last = rows.at(-1);
    if (last && last.row !== null && last.row === error.row) last.errors.push(error);
    else rows.push({ row: error.row, line: error.line, record: error.record, errors: [error] });
  }
  return rows;
}

/** The columns of these rows in the order of the source: those that are known of it, and any others of the records. */
export function columnsOf(rows: BadRow[], ofFile: string[], ofDataset: string[]): string[] {
  const ofRecords = rows.flatMap(({ record }) => (isNamed(record) ? Object.keys(record) : []));
  const first = ofFile.length > 0 ? ofFile : ofRecords;
  const known = first.length > 0 ? first : ofDataset;
  const isBroken = rows.some(({ record }) => Array.isArray(record));
  return [...new Set([...known, ...ofRecords, ...(isBroken ? ofDataset : [])])];
}

/** What a row has in a column. */
export function cellOf({ record }: BadRow, column: string, columns: string[]): Json | undefined {
  if (isNamed(record)) return record[column];
  return Array.isArray(record) ? record[columns.indexOf(column)] : undefined;
}

/** Whether a row was rejected: warnings kept none out. */
export function isRejected({ errors }: BadRow): boolean {
  return errors.some(({ severity }) => severity === "ERROR");
}

/** The new values of a row, as the API takes them: of a row that was not told apart into cells, all of them. */
export function valuesOf(row: BadRow, drafts: ReadonlyMap<string, string>, columns: string[]): { [column: string]: Json } {
  const given = [...drafts].map(([column, text]) => [column, valueOf(text, cellOf(row, column, columns))] as const);
  if (isNamed(row.record)) return Object.fromEntries(given);
  const all = columns.map((column) => [column, cellOf(row, column, columns) ?? null] as const);
  return Object.fromEntries([...all, ...given]);
}

/** What was typed is text, in place of text; in place of a number or the like it is read as JSON where it is some. */
function valueOf(text: string, before: Json | undefined): Json {
  if (text === "") return null;
  if (before === undefined || before === null || typeof before === "string") return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** What stands in a cell's field before anybody types. */
export function fieldText(row: BadRow, column: string, columns: string[]): string {
  return textOf(cellOf(row, column, columns));
}

function isNamed(record: Json): record is { [column: string]: Json } {
  return typeof record === "object" && record !== null && !Array.isArray(record);
}
