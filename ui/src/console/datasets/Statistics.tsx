import { useState } from "react";
import { useQuery } from "urql";
import { Failure, Loading } from "../shared/states";
import { ColumnCard } from "./ColumnCard";
import { Correlations } from "./Correlations";
import { type Shown, StatisticsQuery } from "./queries";

const BATCH_COLUMNS = 40;

/** What the values of each column are like, and how columns of numbers go together. */
export function Statistics({ dataset }: { dataset: Shown }) {
  const [shown, setShown] = useState(BATCH_COLUMNS);
  const names = dataset.columns.map(({ name }) => name);
  const left = names.length - shown;
  return (
    <>
      {batches(names.slice(0, shown)).map((batch) => <Batch key={batch[0]} dataset={dataset} columns={batch} />)}
      {left > 0 && (
        <p className="load-more">
          <button type="button" className="quiet" onClick={() => setShown(shown + BATCH_COLUMNS)}>
            Show {Math.min(left, BATCH_COLUMNS)} more columns
          </button>
        </p>
      )}
      <Correlations dataset={dataset} />
    </>
  );
}

function Batch({ dataset, columns }: { dataset: Shown; columns: string[] }) {
  const variables = { name: dataset.name, version: dataset.version, columns };
  // A version never changes.
  const [{ data, error }, read] = useQuery({ query: StatisticsQuery, variables, requestPolicy: "cache-first" });
  const found = data?.dataset?.statistics;
  if (!found) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="what the columns are like" />;
  return (
    <div className="columns">
      {found.map((each) => <ColumnCard key={each.column.name} statistics={each} dataset={dataset} />)}
    </div>
  );
}

function batches(names: string[]): string[][] {
  const count = Math.ceil(names.length / BATCH_COLUMNS);
  return Array.from({ length: count }, (_, place) => names.slice(place * BATCH_COLUMNS, (place + 1) * BATCH_COLUMNS));
}
