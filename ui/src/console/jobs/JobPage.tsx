import { useQuery } from "urql";
import { graphql } from "../../graph";
import { Empty, Failure, Loading } from "../shared/states";
import { Status } from "../shared/Status";

const JobQuery = graphql(`
  query Job($id: ID!) {
    job(id: $id) { id kind status }
  }
`);

/** One job. */
export default function JobPage({ id }: { id: string }) {
  const [{ data, error }] = useQuery({ query: JobQuery, variables: { id } });
  if (!data) return error ? <Failure error={error} /> : <Loading what="the job" />;
  if (!data.job) return <Empty title="There is no such job" />;
  return <h1>{data.job.kind} <Status status={data.job.status} /></h1>;
}
