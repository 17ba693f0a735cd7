import { Link, useSearchParams } from "wouter";
import { type ResultOf, graphql } from "../../graph";
import { bytes, count } from "../shared/format";
import { LoadMore } from "../shared/LoadMore";
import { NameFilter } from "../shared/NameFilter";
import { Since } from "../shared/Since";
import { Empty, Failure, Loading } from "../shared/states";
import { useChanges } from "../shared/useChanges";
import { usePages } from "../shared/usePages";
import { pathOf } from "./address";
import "./datasets.css";

const Datasets = graphql(`
  query Datasets($filter: DatasetFilter, $after: String) {
    datasets(filter: $filter, first: 50, after: $after) {
      edges { node { id name description version rowCount byteSize updatedAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

type Dataset = ResultOf<typeof Datasets>["datasets"]["edges"][number]["node"];

/** All datasets, the newest first. */
export default function DatasetsPage() {
  const [query, setQuery] = useSearchParams();
  const name = query.get("name") ?? "";
  const pages = usePages(Datasets, { filter: name ? { nameContains: name } : null }, (data) => data.datasets);
  const { entries: datasets, reload } = pages;
  useChanges(reload);
  return (
    <>
      <div className="row title-row">
        <h1>Datasets</h1>
        <NameFilter label="Find a dataset by name" name={name} onChange={(next) => setQuery(next ? { name: next } : {}, { replace: true })} />
      </div>
      {!datasets && (pages.error ? <Failure error={pages.error} onRetry={reload} /> : <Loading what="datasets" />)}
      {datasets?.length === 0 && <None name={name} />}
      {datasets && datasets.length > 0 && <DatasetTable datasets={datasets} />}
      {datasets && <LoadMore pages={pages} what="datasets" />}
    </>
  );
}

function None({ name }: { name: string }) {
  if (name) return <Empty title={`No dataset has “${name}” in its name`} />;
  return (
    <Empty title="No datasets yet">
      <Link href="/upload">Upload a file</Link> or run a <Link href="/pipelines">pipeline</Link>, and what came out is shown here.
    </Empty>
  );
}

function DatasetTable({ datasets }: { datasets: readonly Dataset[] }) {
  return (
    <div className="scroll" role="region" aria-label="Datasets" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="number">Rows</th>
            <th scope="col" className="number">Size</th>
            <th scope="col" className="number">Version</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {datasets.map((dataset) => (
            <tr key={dataset.id}>
              <th scope="row" className="name">
                <Link href={pathOf(dataset.name)}>{dataset.name}</Link>
                {dataset.description && <p className="hint">{dataset.description}</p>}
              </th>
              <td className="number">{count(dataset.rowCount)}</td>
              <td className="number">{bytes(dataset.byteSize)}</td>
              <td className="number">{dataset.version ?? "none yet"}</td>
              <td className="when"><Since at={dataset.updatedAt} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
