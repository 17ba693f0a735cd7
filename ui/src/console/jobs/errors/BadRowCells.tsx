import { useState } from "react";
import { count } from "../../shared/format";
import { Value } from "../../shared/Value";
import { RowFaults } from "./RowFaults";
import { type BadRow, cellOf, fieldText, isRejected } from "./rows";
import type { Corrections, StillWrong } from "./useCorrections";

interface Props {
  row: BadRow;
  columns: string[];
  draft: ReadonlyMap<string, string> | undefined;
  stillWrong: StillWrong[] | undefined;
  /** None where nothing can be corrected. */
  set: Corrections["set"] | null;
}

/** One bad row: its cells, of which the bad ones can be typed into, and what is wrong with them. */
export function BadRowCells({ row, columns, draft, stillWrong, set }: Props) {
  const [isWhole, setWhole] = useState(false);
  const canCorrect = set !== null && row.row !== null && isRejected(row);
  const faultsId = `faults-${row.errors[0]?.id}`;
  const first = new Set(row.errors.map(({ column }) => column));
  return (
    <tbody className="job-bad-row">
      <tr>
        <th scope="row" className="row-number" title={row.line === null ? undefined : `Line ${row.line}`}>
          {row.row === null ? "–" : count(row.row)}
          {canCorrect && (
            <button type="button" className="plain" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
              Edit<span className="unseen"> all cells of row {row.row}</span>
            </button>
          )}
        </th>
        {columns.map((column) => {
          const isBad = isWrong(column, { row, draft, stillWrong });
          const isField = canCorrect && (first.has(column) || isBad || isWhole || draft?.has(column));
          return (
            <td key={column} data-column={column} className={isBad ? "bad" : undefined}>
              {isField ? (
                <CellField row={row} column={column} columns={columns} draft={draft?.get(column)} isBad={isBad} describedBy={faultsId} set={set} />
              ) : (
                <>{isBad && <span className="unseen">Bad: </span>}<Value value={cellOf(row, column, columns)} /></>
              )}
            </td>
          );
        })}
      </tr>
      <tr className="row-faults">
        <td colSpan={columns.length + 1}>
          <RowFaults id={faultsId} row={row} stillWrong={stillWrong} draft={draft} columns={columns} set={canCorrect ? set : null} />
        </td>
      </tr>
    </tbody>
  );
}

/** Whether a cell is bad as far as is known: one that was changed is, where what was typed was refused before. */
function isWrong(column: string, { row, draft, stillWrong }: Pick<Props, "row" | "draft" | "stillWrong">): boolean {
  const text = draft?.get(column);
  if (stillWrong) return stillWrong.some((fault) => fault.column === column && (text === undefined || text === fault.value));
  return text === undefined && row.errors.some((error) => error.column === column);
}

interface FieldProps {
  row: BadRow;
  column: string;
  columns: string[];
  draft: string | undefined;
  isBad: boolean;
  describedBy: string;
  set: Corrections["set"];
}

function CellField({ row, column, columns, draft, isBad, describedBy, set }: FieldProps) {
  const before = fieldText(row, column, columns);
  const text = draft ?? before;
  return (
    <input
      className={draft === undefined ? "cell" : "cell changed"}
      value={text}
      title={text}
      size={Math.min(40, Math.max(8, text.length + 1))}
      placeholder="null"
      aria-label={`Row ${row.row}, ${column}`}
      aria-invalid={isBad}
      aria-describedby={isBad ? describedBy : undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={({ target }) => set(row, column, target.value === before ? null : target.value)}
    />
  );
}
