/** Conditions on the values of a column: how the page says them, the address keeps them, and the API takes them. */

import { type graphql, type Json } from "../../graph";

export type ColumnType = ReturnType<typeof graphql.scalar<"ColumnType">>;
type RowFilter = ReturnType<typeof graphql.scalar<"RowFilter">>;

const OPERATORS = {
  eq: "is",
  ne: "is not",
  gt: "is more than",
  gte: "is at least",
  lt: "is less than",
  lte: "is at most",
  in: "is one of",
  contains: "contains",
  startsWith: "starts with",
  isNull: "is missing",
} as const;

export type Operator = keyof typeof OPERATORS;

/** One condition; that of `isNull` is true, or false for values that are there. */
export interface Condition {
  column: string;
  operator: Operator;
  value: Json;
}

const COMPARED: readonly Operator[] = ["eq", "ne", "gt", "gte", "lt", "lte"];
const OF_TYPE: Partial<Record<ColumnType, readonly Operator[]>> = {
  STRING: ["contains", "startsWith", "in", ...COMPARED],
  INTEGER: [...COMPARED, "in"],
  FLOAT: COMPARED,
  DECIMAL: COMPARED,
  BOOLEAN: ["eq"],
  DATE: COMPARED,
  TIME: COMPARED,
  DATETIME: COMPARED,
};
const NUMBERS: readonly ColumnType[] = ["INTEGER", "FLOAT", "DECIMAL"];

/** Whether values of the type are numbers. */
export function isNumeric(type: ColumnType): boolean {
  return NUMBERS.includes(type);
}

/** What values of the type can be asked, beside whether they are there. */
export function operatorsOf(type: ColumnType): readonly Operator[] {
  return OF_TYPE[type] ?? [];
}

/** How the operator is read between a column's name and a value. */
export function nameOf(operator: Operator): string {
  return OPERATORS[operator];
}

/** The condition as a sentence. */
export function sentence({ column, operator, value }: Condition): string {
  if (operator === "isNull") return `${column} ${value === false ? "is there" : "is missing"}`;
  const shown = Array.isArray(value) ? value.map(String).join(", ") : String(value);
  return `${column} ${nameOf(operator)} ${shown === "" ? "empty" : shown}`;
}

/** What was typed, as a JSON value of the column's type; the API says so where it is none. */
export function valueOf(typed: string, type: ColumnType, operator: Operator): Json {
  if (operator === "in") return typed.split(",").map((each) => valueOf(each.trim(), type, "eq"));
  if (type === "BOOLEAN") return typed === "true";
  const number = Number(typed);
  const isExact = isNumeric(type) && typed.trim() !== "" && Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER;
  return isExact && type !== "DECIMAL" ? number : typed;
}

/** The conditions as the API takes them: all must hold. */
export function filterOf(conditions: readonly Condition[]): RowFilter | null {
  if (conditions.length === 0) return null;
  return { and: conditions.map(({ column, operator, value }) => ({ column, [operator]: value })) };
}

/** The conditions as the address keeps them: a list of the API's own filters. */
export function written(conditions: readonly Condition[]): string {
  return JSON.stringify(conditions.map(({ column, operator, value }) => ({ column, [operator]: value })));
}

/** Read what `written` wrote; what makes no sense is left out. */
export function read(text: string | null): Condition[] {
  const given = parsed(text);
  return Array.isArray(given) ? given.flatMap(conditionOf) : [];
}

function conditionOf(given: Json): Condition[] {
  if (given === null || typeof given !== "object" || Array.isArray(given) || typeof given.column !== "string") return [];
  const { column } = given;
  return Object.entries(given).flatMap(([key, value]) => (isOperator(key) ? [{ column, operator: key, value }] : []));
}

function isOperator(key: string): key is Operator {
  return Object.hasOwn(OPERATORS, key);
}

/** A JSON text's value, or null where it is none. */
export function parsed(text: string | null): Json {
  try {
    return JSON.parse(text ?? "null") as Json;
  } catch {
    return null;
  }
}
