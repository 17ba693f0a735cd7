import { useState } from "react";
import type { Column } from "./queries";

const WORTH_SEARCHING = 12;

interface Props {
  columns: readonly Column[];
  /** Those that are shown; null for all. */
  chosen: readonly string[] | null;
  onChange: (chosen: string[] | null) => void;
}

/** Chooses the columns that are shown; at least one is. */
export function ColumnChooser({ columns, chosen, onChange }: Props) {
  const [searched, setSearched] = useState("");
  const isShown = (name: string) => chosen === null || chosen.includes(name);
  const count = columns.filter(({ name }) => isShown(name)).length;

  function turn(name: string) {
    const next = columns.map((column) => column.name).filter((each) => isShown(each) !== (each === name));
    if (next.length > 0) onChange(next.length === columns.length ? null : next);
  }

  return (
    <details
      className="chooser"
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) currentTarget.open = false;
      }}
      onKeyDown={({ currentTarget, key }) => {
        if (key !== "Escape") return;
        currentTarget.open = false;
        currentTarget.querySelector("summary")?.focus();
      }}
    >
      <summary className="button quiet">{count === columns.length ? `All ${count} columns` : `${count} of ${columns.length} columns`}</summary>
      <div className="chooser-list panel" tabIndex={-1}>
        {columns.length > WORTH_SEARCHING && (
          <label>
            Find a column
            <input type="search" value={searched} onChange={(event) => setSearched(event.target.value)} />
          </label>
        )}
        <button type="button" className="quiet" disabled={chosen === null} onClick={() => onChange(null)}>Show all</button>
        <ul aria-label="Columns">
          {columns
            .filter(({ name }) => name.toLowerCase().includes(searched.toLowerCase()))
            .map(({ name }) => (
              <li key={name}>
                <label className="check"><input type="checkbox" checked={isShown(name)} onChange={() => turn(name)} /> {name}</label>
                <button type="button" className="only" aria-label={`Show only ${name}`} onClick={() => onChange([name])}>only</button>
              </li>
            ))}
        </ul>
      </div>
    </details>
  );
}
