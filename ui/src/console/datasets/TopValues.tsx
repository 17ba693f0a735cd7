import { Link } from "wouter";
import { Bar } from "../shared/Bar";
import { count } from "../shared/format";
import { useWanted, pathOf } from "./address";
import { operatorsOf } from "./conditions";
import type { Shown, Statistics } from "./queries";
import { asText } from "./Value";

const SHOWN = 5;
/** Longer texts are cut by the API, so that no row would equal them. */
const CUT_LENGTH = 200;

/** The most frequent values, each with the share of rows that have it, and a way to these. */
export function TopValues({ statistics, dataset }: { statistics: Statistics; dataset: Shown }) {
  const [{ version }] = useWanted();
  const { column, count: rows, topValues } = statistics;
  const canAsk = operatorsOf(column.type).includes("eq");
  return (
    <table className="top-values">
      <caption className="unseen">The most frequent values of {column.name}</caption>
      <tbody>
        {topValues.slice(0, SHOWN).map(({ value, count: found }) => {
          const text = value === "" ? "empty" : asText(value);
          const path = pathOf(dataset.name, { version, conditions: [{ column: column.name, operator: "eq", value }] });
          return (
            <tr key={text}>
              <th scope="row" title={text}>{canAsk && text.length < CUT_LENGTH ? <Link href={path}>{text}</Link> : text}</th>
              <td><Bar fraction={found / rows} label={`Share of ${text}`} /></td>
              <td className="number">{count(found)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
