import { count, percent } from "./format";

export interface Part {
  name: string;
  count: number;
  tone: "good" | "warn" | "bad" | "busy" | "soft";
}

/** A whole as one bar of its parts, with their numbers below; parts that are nothing are left out. */
export function Parts({ whole, name, parts }: { whole: number; name: string; parts: Part[] }) {
  const shown = parts.filter((part) => part.count > 0);
  return (
    <div className="whole">
      <div className="whole-bar" aria-hidden="true">
        {shown.map((part) => <span key={part.name} className={part.tone} style={{ flexGrow: part.count }} />)}
      </div>
      <ul>
        <li><strong>{count(whole)}</strong> {name}</li>
        {shown.map((part) => (
          <li key={part.name} className={part.tone}>
            <span className="swatch" aria-hidden="true" />
            <strong>{count(part.count)}</strong> {part.name}
            {whole > 0 && <span className="hint"> {percent(part.count / whole)}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
