/** What a form has to know of the JSON Schema of a kind's settings: these are objects of scalars and lists of such. */

import type { Json } from "../../graph";

export interface Property {
  name: string;
  label: string;
  description: string;
  types: string[];
  /** The only values that it takes, where it takes no others. */
  options: string[] | null;
  default: Json | undefined;
  isRequired: boolean;
  /** Whether the values of a list may be numbers. */
  takesNumbers: boolean;
}

type Shape = { [key: string]: Json };

/** What every kind of check has, beside what is its own. */
const COMMON = ["severity", "name", "maxFailedRows", "maxFailedPercent"];

/** The properties of a kind's settings: its own in their order, and those that all kinds have. */
export function propertiesOf(schema: Json): { own: Property[]; common: Property[] } {
  const { properties, required, $defs } = shapeOf(schema);
  const needed = Array.isArray(required) ? required : [];
  const all = Object.entries(shapeOf(properties)).map(([name, value]) =>
    property(name, resolved(shapeOf(value), shapeOf($defs)), needed.includes(name)),
  );
  return { own: all.filter(({ name }) => !COMMON.includes(name)), common: all.filter(({ name }) => COMMON.includes(name)) };
}

function property(name: string, shape: Shape, isRequired: boolean): Property {
  return {
    name,
    label: labelOf(name),
    description: typeof shape.description === "string" ? shape.description : "",
    types: typesOf(shape),
    options: Array.isArray(shape.enum) ? shape.enum.map(String) : null,
    default: shape.default,
    isRequired,
    takesNumbers: typesOf(shapeOf(shape.items)).includes("number"),
  };
}

/** A property that refers to a definition, with its own words in place of those of the definition. */
function resolved(shape: Shape, definitions: Shape): Shape {
  const name = typeof shape.$ref === "string" ? shape.$ref.split("/").pop() : undefined;
  return name ? { ...shapeOf(definitions[name]), ...shape } : shape;
}

/** `maxFailedRows` is Max failed rows. */
export function labelOf(name: string): string {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function isNumberLike(types: string[]): boolean {
  return types.every((type) => type === "number" || type === "integer");
}

/** A number where a text is one as people write it, else the text: 007 and dates stay as they are. */
export function scalarOf(text: string): string | number {
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text;
}

function typesOf({ type }: Shape): string[] {
  return Array.isArray(type) ? type.map(String) : typeof type === "string" ? [type] : [];
}

function shapeOf(value: Json | undefined): Shape {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
