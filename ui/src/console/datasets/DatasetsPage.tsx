import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql } from "../../graph";
import { Empty, Failure, Loading } from "../shared/states";

const Datasets = graphql(`
  query Datasets {
    datasets(first: 50) { edges { node { id name version rowCount } } }
  }
`);

/** All datasets. */
export default function DatasetsPage() {
  const [{ data, error }] = useQuery({ query: Datasets });
  if (!data) return error ? <Failure error={error} /> : <Loading what="datasets" />;
  const datasets = data.datasets.edges.map((edge) => edge.node);
  if (datasets.length === 0) return <Empty title="No datasets yet" />;
  return (
    <>
      <h1>Datasets</h1>
      <ul>{datasets.map(({ id, name }) => <li key={id}><Link href={`/datasets/${encodeURIComponent(name)}`}>{name}</Link></li>)}</ul>
    </>
  );
}
