import type { Json } from "../../graph";
import { count } from "../shared/format";
import { Cell } from "./ColumnsStep";
import type { CheckedJob } from "./ValidationJob";

type RowError = CheckedJob["errors"]["edges"][number]["node"];

interface BadRow {
  key: string;
  row: number | null;
  line: number | null;
  record: Record<string, Json>;
  errors: RowError[];
}

const SHOWN = 10;

/** The first rows in which something is wrong, each bad cell marked and explained below its row. */
export function BadRows({ job, columns }: { job: CheckedJob; columns: string[] }) {
  const rows = rowsOf(job.errors.edges.map((edge) => edge.node)).slice(0, SHOWN);
  if (rows.length === 0) return null;
  return (
    <>
      <h3>Rows with faults</h3>
      <div className="scroll" role="region" aria-label="Rows with faults" tabIndex={0}>
        <table className="records bad-rows">
          <thead><tr><th className="number">Row</th><th>What is wrong</th>{columns.map((name) => <th key={name}>{name}</th>)}</tr></thead>
          <tbody>{rows.map((row) => <Row key={row.key} row={row} columns={columns} />)}</tbody>
        </table>
      </div>
      <p className="hint">
        The first {count(rows.length)} of them. A row is counted from 1 without the header.
      </p>
    </>
  );
}

function Row({ row: { row, line, record, errors }, columns }: { row: BadRow; columns: string[] }) {
  const bad = new Map(errors.filter(({ column }) => column !== null).map((error) => [error.column, error]));
  return (
    <tr>
      <td className="number">{row === null ? "–" : count(row)}{line !== null && <small className="hint"> line {count(line)}</small>}</td>
      <td className="wrong">{errors.map(({ id, column, message }) => <p key={id}>{column && <code>{column}</code>} {message}</p>)}</td>
      {columns.map((name) => {
        const error = bad.get(name);
        return error ? (
          <td key={name} className="bad"><mark aria-label={`Wrong: ${error.value ?? "null"}`}><Cell value={error.value ?? record[name]} /></mark></td>
        ) : (
          <td key={name}><Cell value={record[name]} /></td>
        );
      })}
    </tr>
  );
}

function rowsOf(errors: RowError[]): BadRow[] {
  const rows = new Map<string, BadRow>();
  for (const error of errors) {
    const key = error.row === null ? error.id : String(error.row);
    const known = rows.get(key);
    if (known) known.errors.push(error);
    else rows.set(key, { key, row: error.row, line: error.line, record: recordOf(error.record), errors: [error] });
  }
  return [...rows.values()];
}

function recordOf(value: Json): Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
