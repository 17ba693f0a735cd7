import { useState } from "react";
import { type ResultOf, type VariablesOf, graphql } from "../../graph";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { LoadMore } from "../shared/LoadMore";
import { Failure, Loading } from "../shared/states";
import { usePages } from "../shared/usePages";
import { useThrottled } from "../shared/useThrottled";
import { Value } from "../shared/Value";

const ItemsQuery = graphql(`
  query JobItems($id: ID!, $status: ItemStatus, $after: String) {
    job(id: $id) {
      id
      items(status: $status, first: 50, after: $after) {
        edges { node { id source target status attempts response failure { code message } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

type Item = NonNullable<ResultOf<typeof ItemsQuery>["job"]>["items"]["edges"][number]["node"];
type ItemStatus = NonNullable<VariablesOf<typeof ItemsQuery>["status"]>;

const NAMES: Record<ItemStatus, string> = { PENDING: "Pending", SUCCEEDED: "Succeeded", FAILED: "Failed" };
const AGAIN_MS = 1_500;

/** The mappings of a job, each with what became of it. */
export function Items({ jobId, isOver }: { jobId: string; isOver: boolean }) {
  const [status, setStatus] = useState<ItemStatus | "">("");
  const pages = usePages(ItemsQuery, { id: jobId, status: status || null }, (data) => data.job?.items);
  const again = useThrottled(pages.reload, AGAIN_MS);
  useJobEvents(({ job, type }) => job.id === jobId && (!isOver || type === "STATUS") && again());
  useFeedGap(again);
  return (
    <section aria-labelledby="items-title">
      <div className="row">
        <h2 id="items-title">Items</h2>
        <label className="beside">
          Show
          <select value={status} onChange={(event) => setStatus(event.target.value as ItemStatus | "")}>
            <option value="">all</option>
            {Object.entries(NAMES).map(([value, name]) => <option key={value} value={value}>{name.toLowerCase()}</option>)}
          </select>
        </label>
      </div>
      {pages.entries ? <ItemTable items={pages.entries} /> : pages.error ? <Failure error={pages.error} onRetry={pages.reload} /> : <Loading what="the items" />}
      {pages.entries && <LoadMore pages={pages} what="items" />}
    </section>
  );
}

function ItemTable({ items }: { items: Item[] }) {
  if (items.length === 0) return <p className="hint">No item is like that.</p>;
  return (
    <div className="scroll" tabIndex={0} role="group" aria-labelledby="items-title">
      <table aria-labelledby="items-title">
        <thead>
          <tr><th scope="col">Item</th><th scope="col">Status</th><th scope="col">From</th><th scope="col">To</th><th scope="col" className="number">Tries</th><th scope="col">Answer</th></tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              <th scope="row"><code>{item.id}</code></th>
              <td><span className={`status ${item.status.toLowerCase()}`}>{NAMES[item.status]}</span></td>
              <td>{item.source}</td>
              <td>{item.target}</td>
              <td className="number">{item.attempts}</td>
              <td>{item.failure ? <>{item.failure.message} <code>{item.failure.code}</code></> : <Value value={item.response} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
