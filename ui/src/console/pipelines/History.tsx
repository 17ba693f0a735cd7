import { Link } from "wouter";
import { count, duration } from "../shared/format";
import { LoadMore } from "../shared/LoadMore";
import { Since } from "../shared/Since";
import { Empty, Failure, Loading } from "../shared/states";
import { Status } from "../shared/Status";
import { useChanges } from "../shared/useChanges";
import { usePages } from "../shared/usePages";
import { HistoryQuery, type PastJob } from "./queries";

/** The jobs of a pipeline, the newest first, each with how long it took beside the others. */
export function History({ name }: { name: string }) {
  const pages = usePages(HistoryQuery, { name }, (data) => data.pipeline?.jobs);
  const { entries: jobs, reload } = pages;
  useChanges(reload);
  if (!jobs) return pages.error ? <Failure error={pages.error} onRetry={reload} /> : <Loading what="jobs" />;
  if (jobs.length === 0) return <Empty title="It never ran">Run it, and its jobs are listed here.</Empty>;
  const longest = Math.max(1, ...jobs.map(({ durationMs }) => durationMs ?? 0));
  return (
    <>
      <div className="scroll" role="region" aria-label="Jobs" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Begun</th>
              <th scope="col">Status</th>
              <th scope="col" className="number">Accepted</th>
              <th scope="col" className="number">Rejected</th>
              <th scope="col" className="number">Version</th>
              <th scope="col">Took</th>
            </tr>
          </thead>
          <tbody>{jobs.map((job) => <JobRow key={job.id} job={job} longestMs={longest} />)}</tbody>
        </table>
      </div>
      <LoadMore pages={pages} what="jobs" />
    </>
  );
}

function JobRow({ job, longestMs }: { job: PastJob; longestMs: number }) {
  return (
    <tr>
      <td className="when"><Link href={`/jobs/${job.id}`}><Since at={job.createdAt} /></Link></td>
      <td><Status status={job.status} /></td>
      <td className="number">{count(job.counts.accepted)}</td>
      <td className="number">{count(job.counts.rejected)}</td>
      <td className="number">{job.pipelineVersion}</td>
      <td>{job.durationMs !== null && <Took ms={job.durationMs} longestMs={longestMs} status={job.status} />}</td>
    </tr>
  );
}

const TOOK_WIDTH = 140;

function Took({ ms, longestMs, status }: { ms: number; longestMs: number; status: PastJob["status"] }) {
  return (
    <span className="took">
      <svg width={TOOK_WIDTH} height={12} aria-hidden="true">
        <rect className={`took-bar ${status.toLowerCase()}`} width={Math.max(2, (ms / longestMs) * TOOK_WIDTH)} height={12} rx={2} />
      </svg>
      {duration(ms)}
    </span>
  );
}
