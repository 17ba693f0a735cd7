import type { Json } from "../../graph";

/** Settings, all of them: names and values, as deep as they go. */
export function Settings({ value }: { value: Json }) {
  if (Array.isArray(value)) return <ListOf items={value} />;
  if (value === null || typeof value !== "object") return <code>{value === "" ? '""' : String(value)}</code>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <span className="nothing">as it is by default</span>;
  return (
    <dl className="settings">
      {entries.map(([name, each]) => <div key={name}><dt>{name}</dt><dd><Settings value={each} /></dd></div>)}
    </dl>
  );
}

/** Plain values in a line, others below each other. */
function ListOf({ items }: { items: Json[] }) {
  if (items.every((item) => item === null || typeof item !== "object")) return <code>{items.map(String).join(", ")}</code>;
  return <ul className="settings-list">{items.map((item, place) => <li key={place}><Settings value={item} /></li>)}</ul>;
}
