import type { Json } from "../../graph";

const SHOWN_LENGTH = 60;

/** A value of a row: whole where it is short, else a button that shows all of it. */
export function Value({ value, onOpen }: { value: Json | undefined; onOpen: () => void }) {
  if (value === null || value === undefined) return <span className="nothing">null</span>;
  if (value === "") return <span className="nothing">empty</span>;
  const text = asText(value);
  if (text.length <= SHOWN_LENGTH && !text.includes("\n")) return text;
  return (
    <button type="button" className="cut" onClick={onOpen} title="Show all of it">
      {text.slice(0, SHOWN_LENGTH)}…
    </button>
  );
}

/** The value on one line. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
