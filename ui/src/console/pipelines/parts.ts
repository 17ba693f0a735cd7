/** The parts of a pipeline's spec, in the order in which rows pass them. */

import type { Json } from "../../graph";

export type Stage = "source" | "contract" | "step" | "check" | "acceptance" | "sink";

export interface Part {
  /** Tells it from the other parts, such as `steps.1`. */
  id: string;
  stage: Stage;
  /** What it is of its sort, such as `dataset`; that of a contract is its name. */
  kind: string;
  settings: Json;
}

const LISTS: readonly (readonly [string, Stage])[] = [
  ["steps", "step"],
  ["checks", "check"],
];

/** List the parts of a spec. */
export function partsOf(spec: Json): Part[] {
  const given = fields(spec);
  return [
    ...kinds([given.source ?? null], "source", "source"),
    ...alone(given, "contract", "contract"),
    ...LISTS.flatMap(([key, stage]) => kinds(items(given[key]), key, stage)),
    ...alone(given, "acceptance", "acceptance"),
    ...kinds(items(given.sinks), "sinks", "sink"),
  ];
}

/** Say the settings in a line: what matters most of each. */
export function summary(settings: Json): string {
  return Object.entries(fields(settings))
    .map(([name, value]) => `${name}: ${brief(value)}`)
    .join(", ");
}

/** The fields of an object; none of anything else. */
export function fields(value: Json | undefined): { [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

function brief(value: Json): string {
  if (Array.isArray(value)) {
    const names = value.flatMap(nameOf);
    return names.length === value.length ? names.join(", ") : `${value.length} of them`;
  }
  if (value !== null && typeof value === "object") return Object.keys(value).join(", ");
  return String(value);
}

/** What an item of a list is called, if anything: a column by its name, and a metric by what it makes. */
function nameOf(item: Json): string[] {
  if (item === null || typeof item !== "object") return [String(item)];
  const { name, as, to, column } = fields(item);
  return [name, as, to, column].filter((each) => typeof each === "string").slice(0, 1);
}

function items(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Each is an object with one key, which names its kind. */
function kinds(list: Json[], key: string, stage: Stage): Part[] {
  return list.flatMap((each, place) =>
    Object.entries(fields(each)).map(([kind, settings]) => ({ id: `${key}.${place}`, stage, kind, settings })),
  );
}

function alone(given: { [key: string]: Json }, key: string, stage: Stage): Part[] {
  const settings = given[key];
  return settings === undefined || settings === null ? [] : [{ id: key, stage, kind: key, settings }];
}
