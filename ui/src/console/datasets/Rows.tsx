import { useQuery } from "urql";
import { useHistoryState } from "wouter/use-browser-location";
import { count } from "../shared/format";
import { Empty, Failure, Loading } from "../shared/states";
import { useWanted } from "./address";
import { ColumnChooser } from "./ColumnChooser";
import { filterOf } from "./conditions";
import { Download } from "./Download";
import { Filters } from "./Filters";
import { type RowPage, RowsQuery, type Shown } from "./queries";
import { RowTable } from "./RowTable";

const PAGE_ROWS = 100;

/** The rows of a dataset: filtered, sorted and paged as the address says. */
export function Rows({ dataset }: { dataset: Shown }) {
  const [wanted, change] = useWanted();
  const [{ data, error, fetching }, read] = useQuery({
    query: RowsQuery,
    variables: {
      name: dataset.name,
      version: dataset.version,
      filter: filterOf(wanted.conditions),
      orderBy: wanted.order && [wanted.order],
      columns: wanted.columns,
      first: PAGE_ROWS,
      after: wanted.after,
    },
  });
  const page = error ? undefined : data?.dataset?.rows;
  return (
    <>
      <Filters columns={dataset.columns} conditions={wanted.conditions} onChange={(conditions) => change({ conditions })} />
      <div className="row row-tools">
        <ColumnChooser columns={dataset.columns} chosen={wanted.columns} onChange={(columns) => change({ columns })} />
        <Download dataset={dataset} wanted={wanted} />
        {page && <Place page={page} skipped={wanted.skipped} />}
      </div>
      {error && <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} />}
      {!error && !page && (fetching ? <Loading what="rows" /> : <Empty title="This version can be read no more" />)}
      {page && isEmpty(page) && <NoRows isFiltered={wanted.conditions.length > 0} />}
      {page && !isEmpty(page) && (
        <>
          <RowTable page={page} from={wanted.skipped + 1} order={wanted.order} onOrder={(order) => change({ order })} />
          <Pager page={page} isBusy={fetching} />
        </>
      )}
    </>
  );
}

function NoRows({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? <Empty title="No row meets all conditions">Remove one above to see more.</Empty> : <Empty title="This version has no rows" />;
}

function Place({ page, skipped }: { page: RowPage; skipped: number }) {
  const last = skipped + lengthOf(page);
  const of = page.totalCount === null ? "" : ` of ${count(page.totalCount)}`;
  if (isEmpty(page)) return <p className="place-of" role="status">No rows</p>;
  return <p className="place-of" role="status">Rows {count(skipped + 1)} to {count(last)}{of}</p>;
}

/** Goes on and back; the cursors of the pages before are kept with the address in the browser's history. */
function Pager({ page, isBusy }: { page: RowPage; isBusy: boolean }) {
  const [{ after, skipped }, change] = useWanted();
  const trail = trailOf(useHistoryState<unknown>());
  const previous = trail.at(-1);
  if (!page.hasNextPage && after === null) return null;
  return (
    <nav className="row pager" aria-label="Pages of rows">
      {trail.length !== 1 && skipped > 0 && <button type="button" className="quiet" onClick={() => change({})}>First rows</button>}
      {previous !== undefined && (
        <button
          type="button"
          className="quiet"
          onClick={() => change({ after: previous, skipped: Math.max(0, skipped - PAGE_ROWS) }, trail.slice(0, -1))}
        >
          Previous {PAGE_ROWS}
        </button>
      )}
      {page.hasNextPage && (
        <button
          type="button"
          className="quiet"
          disabled={isBusy}
          onClick={() => change({ after: page.endCursor, skipped: skipped + lengthOf(page) }, [...trail, after])}
        >
          Next {PAGE_ROWS}
        </button>
      )}
    </nav>
  );
}

function trailOf(state: unknown): (string | null)[] {
  return Array.isArray(state) ? state.filter((each) => each === null || typeof each === "string") : [];
}

function lengthOf(page: RowPage): number {
  return Array.isArray(page.records) ? page.records.length : 0;
}

function isEmpty(page: RowPage): boolean {
  return lengthOf(page) === 0;
}
