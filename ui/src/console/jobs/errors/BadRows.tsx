import { type KeyboardEvent, memo, useRef } from "react";
import { BadRowCells } from "./BadRowCells";
import type { BadRow } from "./rows";
import type { Corrections } from "./useCorrections";

interface Props {
  rows: BadRow[];
  columns: string[];
  /** None where nothing can be corrected. */
  corrections: Corrections | null;
}

/** The bad rows, each as it stood in the source with its bad cells marked, and below it what is wrong with them. */
export function BadRows({ rows, columns, corrections }: Props) {
  const box = useRef<HTMLDivElement>(null);
  return (
    <div className="scroll job-bad-rows" ref={box} tabIndex={0} role="group" aria-label="Rows with errors" onKeyDown={(event) => goOn(event, box.current)}>
      <table aria-label="Rows with errors">
        <thead>
          <tr>
            <th scope="col" className="row-number">Row</th>
            {columns.map((column) => <th key={column} scope="col">{column}</th>)}
          </tr>
        </thead>
        {rows.map((row) => (
          <MemoRow
            key={row.row ?? row.errors[0]?.id}
            row={row}
            columns={columns}
            draft={row.row === null ? undefined : corrections?.drafts.get(row.row)?.cells}
            stillWrong={row.row === null ? undefined : corrections?.stillWrong.get(row.row)}
            set={corrections?.set ?? null}
          />
        ))}
      </table>
    </div>
  );
}

const MemoRow = memo(BadRowCells, (before, after) =>
  before.row === after.row &&
  before.columns === after.columns &&
  before.draft === after.draft &&
  before.stillWrong === after.stillWrong &&
  (before.set === null) === (after.set === null),
);

/** Enter goes to the next field, as in a spreadsheet. */
function goOn(event: KeyboardEvent, box: HTMLElement | null): void {
  if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
  event.preventDefault();
  const fields = [...(box?.querySelectorAll("input") ?? [])];
  const next = fields[fields.indexOf(event.target) + (event.shiftKey ? -1 : 1)];
  next?.focus();
  next?.select();
}
