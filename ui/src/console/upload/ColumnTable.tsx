import type { Json } from "../../graph";
import type { UploadedFile } from "./FileJourney";
import { Cell } from "./ColumnsStep";
import type { ChangePlan, ColumnType, Plan, PlannedColumn, SchemaPolicy } from "./plan";

const TYPES: ColumnType[] = ["STRING", "INTEGER", "FLOAT", "DECIMAL", "BOOLEAN", "DATE", "TIME", "DATETIME", "LIST", "STRUCT"];
const UNKNOWN: { policy: SchemaPolicy; name: string }[] = [
  { policy: "EVOLVE", name: "are taken along" },
  { policy: "DISCARD_VALUE", name: "are left out" },
  { policy: "DISCARD_ROW", name: "reject each row that has a value there" },
  { policy: "FREEZE", name: "fail the job" },
];
const EXAMPLES = 3;

interface Props {
  file: UploadedFile;
  plan: Plan;
  change: ChangePlan;
  records: Record<string, Json>[];
}

/** Each column with its type and some values; as a contract, with what it must be. */
export function ColumnTable({ file, plan, change, records }: Props) {
  function changeColumn(name: string, part: Partial<PlannedColumn>) {
    change({ columns: (plan.columns ?? []).map((column) => (column.name === name ? { ...column, ...part } : column)) });
  }
  const planned = new Map(plan.columns?.map((column) => [column.name, column]));
  return (
    <>
      <label className="tick">
        <input type="checkbox" checked={plan.isContract} onChange={(event) => change({ isContract: event.target.checked })} />
        Hold every row to these types
      </label>
      <p className="hint">A row whose value is of another type is rejected then. Without it, a column takes what the file has.</p>
      <div className="scroll tall" role="region" aria-label="Columns" tabIndex={0}>
        <table className="columns">
          <thead><tr><th>Column</th><th>Type</th>{plan.isContract && <th>Needed</th>}<th>Such as</th></tr></thead>
          <tbody>
            {file.columns.map(({ name, type }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{plan.isContract ? <TypeSelect name={name} type={planned.get(name)?.type ?? type} onChange={changeColumn} /> : type}</td>
                {plan.isContract && (
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`${name} needs a value`}
                      checked={planned.get(name)?.isRequired ?? false}
                      onChange={(event) => changeColumn(name, { isRequired: event.target.checked })}
                    />
                  </td>
                )}
                <td className="examples">{examples(records, name).map((value, index) => <span key={index}><Cell value={value} /></span>)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {plan.isContract && <UnknownColumns policy={plan.unknownColumns} onChange={(unknownColumns) => change({ unknownColumns })} />}
    </>
  );
}

function TypeSelect({ name, type, onChange }: { name: string; type: ColumnType; onChange: (name: string, part: Partial<PlannedColumn>) => void }) {
  const types = TYPES.includes(type) ? TYPES : [type, ...TYPES];
  return (
    <select aria-label={`Type of ${name}`} value={type} onChange={(event) => onChange(name, { type: event.target.value as ColumnType })}>
      {types.map((each) => <option key={each}>{each}</option>)}
    </select>
  );
}

function UnknownColumns({ policy, onChange }: { policy: SchemaPolicy; onChange: (policy: SchemaPolicy) => void }) {
  return (
    <label className="inline">
      Columns that are not in this list
      <select value={policy} onChange={(event) => onChange(event.target.value as SchemaPolicy)}>
        {UNKNOWN.map(({ policy: value, name }) => <option key={value} value={value}>{name}</option>)}
      </select>
    </label>
  );
}

function examples(records: Record<string, Json>[], name: string): Json[] {
  const values = records.map((record) => record[name]).filter((value) => value !== null && value !== undefined);
  return [...new Set(values)].slice(0, EXAMPLES);
}
