/** What is wrong with a spec in YAML, and where. */

import type { Fault } from "../shared/faults";

export interface Problem {
  message: string;
  /** Where in the spec, such as `steps[1].derive`; empty where it is not about one part of it. */
  place: string;
  /** The line of the text, from 1; null where it can't be told. */
  line: number | null;
}

/** Read the API's faults: those about the YAML begin with that argument's path. */
export function problemsOf(faults: readonly Fault[], yaml: string): Problem[] {
  return faults.map(({ message, path }) => {
    const inside = path?.[1] === "yaml" ? path.slice(2) : [];
    const named = /^Line (\d+)/.exec(message)?.[1];
    return { message, place: written(inside), line: named ? Number(named) : lineOf(yaml, inside) };
  });
}

function written(path: readonly string[]): string {
  return path.map((key, place) => (/^\d+$/.test(key) ? `[${key}]` : place === 0 ? key : `.${key}`)).join("");
}

/** The line of the part that a path leads to: a key of the whole, or one of the items below it. */
export function lineOf(yaml: string, [key, item]: readonly string[]): number | null {
  if (key === undefined) return null;
  const lines = yaml.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`${key}:`));
  if (start < 0) return null;
  if (item === undefined || !/^\d+$/.test(item)) return start + 1;
  const end = lines.findIndex((line, place) => place > start && /^[^\s#-]/.test(line));
  const below = lines.slice(start + 1, end < 0 ? undefined : end);
  const indent = below.find((line) => /^\s*-/.test(line))?.indexOf("-");
  const dashes = below.flatMap((line, place) => (line.search(/\S/) === indent && line[indent] === "-" ? [place] : []));
  const found = dashes[Number(item)];
  return found === undefined ? start + 1 : start + found + 2;
}
