import type { Json } from "../../graph";

/** What of a long value is shown before it is opened. */
const SHORT_CHARS = 80;

/** A value of a cell; a long one is cut, and opened by a click. */
export function Value({ value }: { value: Json | undefined }) {
  if (value === null || value === undefined) return <span className="no-value">null</span>;
  if (value === "") return <span className="no-value">empty</span>;
  const text = textOf(value);
  if (text.length <= SHORT_CHARS) return <span className="whole-value">{text}</span>;
  return (
    <details className="whole-value long">
      <summary>{text.slice(0, SHORT_CHARS)}…</summary>
      {text}
    </details>
  );
}

/** A value as text: itself, or as JSON where it is none. */
export function textOf(value: Json | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
