import { useState } from "react";
import { useQuery } from "urql";
import { Failure, Loading } from "../shared/states";
import { isNumeric } from "./conditions";
import { CorrelationsQuery, type Shown } from "./queries";

const MOST_COLUMNS = 30;

/** How columns of numbers go together: calculated once somebody wants to see it. */
export function Correlations({ dataset }: { dataset: Shown }) {
  const [isOpen, setOpen] = useState(false);
  const columns = dataset.columns.filter(({ type }) => isNumeric(type)).map(({ name }) => name).slice(0, MOST_COLUMNS);
  if (columns.length < 2) return null;
  return (
    <details className="correlations" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Correlations of {columns.length} columns of numbers</summary>
      {isOpen && <Heat dataset={dataset} columns={columns} />}
    </details>
  );
}

function Heat({ dataset, columns }: { dataset: Shown; columns: string[] }) {
  const variables = { name: dataset.name, version: dataset.version, columns };
  const [{ data, error }, read] = useQuery({ query: CorrelationsQuery, variables, requestPolicy: "cache-first" });
  const found = data?.dataset?.correlations;
  if (!found) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="correlations" />;
  const known = new Map(found.flatMap(({ x, y, pearson }) => [[pair(x, y), pearson], [pair(y, x), pearson]] as const));
  return (
    <div className="scroll heat" role="region" aria-label="Correlations" tabIndex={0}>
      <table>
        <thead>
          <tr><th><span className="unseen">Column</span></th>{columns.map((name) => <th key={name} scope="col" title={name}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {columns.map((row) => (
            <tr key={row}>
              <th scope="row" title={row}>{row}</th>
              {columns.map((column) => <HeatCell key={column} value={row === column ? 1 : (known.get(pair(row, column)) ?? null)} />)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The stronger, the deeper its colour; the sign is in the number, too. */
function HeatCell({ value }: { value: number | null }) {
  if (value === null) return <td className="number nothing">none</td>;
  const share = Math.round(Math.abs(value) * 45);
  const colour = `color-mix(in srgb, var(${value < 0 ? "--warn" : "--accent"}) ${share}%, transparent)`;
  return <td className="number" style={{ backgroundColor: colour }}>{value.toFixed(2)}</td>;
}

function pair(x: string, y: string): string {
  return JSON.stringify([x, y]);
}
