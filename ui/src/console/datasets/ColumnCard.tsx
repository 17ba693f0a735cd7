import { useId } from "react";
import type { Json } from "../../graph";
import { Bar } from "../shared/Bar";
import { count, percent } from "../shared/format";
import { isNumeric } from "./conditions";
import { Histogram } from "./Histogram";
import type { Shown, Statistics } from "./queries";
import { figure } from "./scale";
import { TopValues } from "./TopValues";
import { asText } from "./Value";

/** One column: its type, what is missing, its range, and how its values are distributed. */
export function ColumnCard({ statistics, dataset }: { statistics: Statistics; dataset: Shown }) {
  const title = useId();
  const { column, histogram, topValues } = statistics;
  return (
    <section className="panel column" aria-labelledby={title}>
      <h2 id={title}>
        {column.name} <span className="type" title={column.nativeType}>{column.type.toLowerCase()}</span>
      </h2>
      {column.description && <p className="hint">{column.description}</p>}
      <Missing statistics={statistics} />
      <Facts statistics={statistics} />
      {histogram.length > 0 ? (
        <Histogram name={column.name} type={column.type} bins={histogram} />
      ) : (
        topValues.length > 0 && <TopValues statistics={statistics} dataset={dataset} />
      )}
    </section>
  );
}

function Missing({ statistics: { nulls, count: rows } }: { statistics: Statistics }) {
  const share = rows === 0 ? 0 : nulls / rows;
  if (nulls === 0) return <p className="missing">None missing</p>;
  return (
    <div className="missing">
      {count(nulls)} missing ({percent(share)})
      <Bar fraction={share} label="Share of missing values" />
    </div>
  );
}

function Facts({ statistics }: { statistics: Statistics }) {
  const { column, distinct, min, max, mean, standardDeviation } = statistics;
  return (
    <dl className="facts">
      {distinct !== null && <Fact name="Distinct" value={count(distinct)} />}
      {mean !== null && <Fact name="Mean" value={figure(mean)} />}
      {standardDeviation !== null && <Fact name="Deviation" value={figure(standardDeviation)} />}
      {min !== null && <Fact name="Least" value={shown(min, isNumeric(column.type))} />}
      {max !== null && <Fact name="Greatest" value={shown(max, isNumeric(column.type))} />}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return <div><dt>{name}</dt><dd title={value}>{value}</dd></div>;
}

function shown(value: Json, isNumber: boolean): string {
  return isNumber && typeof value === "number" ? figure(value) : asText(value);
}
