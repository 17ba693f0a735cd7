import { type FormEvent, useState } from "react";
import { type BadRow, isRejected, type RowError } from "./rows";
import type { Corrections } from "./useCorrections";

interface Props {
  rows: BadRow[];
  columns: string[];
  /** The one column to which the rows are narrowed, if they are. */
  column: string | undefined;
  corrections: Corrections;
}

/** Corrects many of the rows that are shown at once: by what was suggested, or by one value for all. */
export function ManyCells({ rows, columns, column, corrections }: Props) {
  const open = rows.filter((row) => row.row !== null && isRejected(row));
  const suggested = open.flatMap((row) => row.errors.filter((error) => isNew(row, error, columns, corrections)).map((error) => ({ row, error })));
  return (
    <div className="many-cells row">
      {suggested.length > 1 && (
        <button
          type="button"
          className="quiet"
          onClick={() => suggested.forEach(({ row, error }) => corrections.set(row, error.column ?? "", error.suggestion))}
        >
          Accept {suggested.length} suggestions
        </button>
      )}
      {column && columns.includes(column) && open.length > 1 && <OneForAll rows={open} column={column} corrections={corrections} />}
    </div>
  );
}

function isNew(row: BadRow, error: RowError, columns: string[], { drafts }: Corrections): boolean {
  if (error.suggestion === null || error.column === null || !columns.includes(error.column)) return false;
  return drafts.get(row.row ?? -1)?.cells.get(error.column) !== error.suggestion;
}

function OneForAll({ rows, column, corrections }: { rows: BadRow[]; column: string; corrections: Corrections }) {
  const [text, setText] = useState("");

  function fill(event: FormEvent) {
    event.preventDefault();
    for (const row of rows) corrections.set(row, column, text);
  }

  return (
    <form className="row" onSubmit={fill}>
      <label className="beside">
        {column} of the {rows.length} rows shown
        <input value={text} placeholder="null" autoComplete="off" onChange={({ target }) => setText(target.value)} />
      </label>
      <button type="submit" className="quiet">Fill in</button>
    </form>
  );
}
