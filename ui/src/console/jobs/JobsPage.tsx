import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql } from "../../graph";
import { Bar } from "../shared/Bar";
import { count, since } from "../shared/format";
import { Empty, Failure, Loading } from "../shared/states";
import { Status } from "../shared/Status";

const Jobs = graphql(`
  query Jobs($after: String) {
    jobs(first: 25, after: $after) {
      edges {
        node {
          id
          kind
          status
          createdAt
          progress { stage fraction }
          counts { read accepted rejected }
          dataset { id name }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

/** All jobs, the newest first, each with its progress as it happens. */
export default function JobsPage() {
  const [{ data, error }, read] = useQuery({ query: Jobs });
  if (!data) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="jobs" />;
  const jobs = data.jobs.edges.map((edge) => edge.node);
  return (
    <>
      <h1>Jobs</h1>
      {jobs.length === 0 ? (
        <Empty title="No jobs yet">Upload a file, and its job is shown here.</Empty>
      ) : (
        <table>
          <thead>
            <tr><th>Job</th><th>Status</th><th className="number">Accepted</th><th className="number">Rejected</th><th>Begun</th></tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <tr key={job.id}>
                <td><Link href={`/jobs/${job.id}`}>{job.dataset?.name ?? job.kind}</Link></td>
                <td>
                  <Status status={job.status} />
                  {job.status === "RUNNING" && <Bar fraction={job.progress.fraction} label={job.progress.stage} />}
                </td>
                <td className="number">{count(job.counts.accepted)}</td>
                <td className="number">{count(job.counts.rejected)}</td>
                <td>{since(job.createdAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
