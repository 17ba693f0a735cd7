import { Icon } from "../../shared/Icon";
import { Value } from "../../shared/Value";
import { type BadRow, fieldText } from "./rows";
import type { Corrections, StillWrong } from "./useCorrections";

interface Props {
  id: string;
  row: BadRow;
  stillWrong: StillWrong[] | undefined;
  draft: ReadonlyMap<string, string> | undefined;
  columns: string[];
  set: Corrections["set"] | null;
}

/** What is wrong with a row: at first, or with the values that were sent for it. */
export function RowFaults({ id, row, stillWrong, draft, columns, set }: Props) {
  // A value that was changed again since then may be good by now.
  const faults = stillWrong ?? row.errors;
  return (
    <div id={id} className="faults-of-row">
      {stillWrong && <p><strong>Still wrong:</strong></p>}
      <ul>
        {faults.map((fault) => (
          <li key={fault.id} className={fault.severity === "WARNING" ? "warning" : undefined}>
            <Icon name="warning" />{" "}
            {fault.severity === "WARNING" && "Warning: "}
            {fault.column !== null && <ColumnName column={fault.column} isShown={columns.includes(fault.column)} />}
            {fault.message} <code>{fault.code}</code>{" "}
            {isOtherThanShown(fault, row, draft, columns) && <>Value: <Value value={fault.value} />. </>}
            {fault.suggestion !== null && (
              <Suggestion suggestion={fault.suggestion} isTaken={draft?.get(fault.column ?? "") === fault.suggestion}
                take={set && fault.column !== null && columns.includes(fault.column) ? () => set(row, fault.column ?? "", fault.suggestion) : null} />
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Which cell it is, and the way to it where a row is wider than the window. */
function ColumnName({ column, isShown }: { column: string; isShown: boolean }) {
  if (!isShown) return <strong>{column}: </strong>;
  return <><button type="button" className="plain" onClick={(event) => showCell(event.currentTarget, column)}>{column}</button>: </>;
}

function showCell(from: HTMLElement, column: string): void {
  const cell = from.closest("tbody")?.querySelector<HTMLElement>(`td[data-column="${CSS.escape(column)}"]`);
  cell?.scrollIntoView({ block: "nearest", inline: "start" });
  cell?.querySelector("input")?.focus({ preventScroll: true });
}

/** Whether the cell at fault isn't to be seen as such in the row above: of a step's column, or of the whole row. */
function isOtherThanShown({ column, value }: StillWrong, row: BadRow, draft: Props["draft"], columns: string[]): boolean {
  if (value === null) return false;
  return column === null || !columns.includes(column) || ![draft?.get(column), fieldText(row, column, columns)].includes(value);
}

function Suggestion({ suggestion, isTaken, take }: { suggestion: string; isTaken: boolean; take: (() => void) | null }) {
  if (isTaken) return <span className="hint">Suggestion accepted.</span>;
  return (
    <span className="suggestion">
      Perhaps <q>{suggestion}</q>{" "}
      {take && <button type="button" className="plain" onClick={take}>Accept suggestion</button>}
    </span>
  );
}
