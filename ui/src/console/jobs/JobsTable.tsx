import { Link } from "wouter";
import { count, duration } from "../shared/format";
import { Since } from "../shared/Since";
import { hasEnded, Status } from "../shared/Status";
import { JobProgress } from "./JobProgress";
import { type JobKind, jobName, KIND_NAMES } from "./words";
import type { ListedJob } from "./useJobList";

/** What kinds do whose names don't say so. */
const LINES: Partial<Record<JobKind, string>> = { BATCH: "Several jobs in one", MAPPING: "From one system to another" };

/** Jobs, one a line, each with its progress as it happens. */
export function JobsTable({ jobs, label, isOfBatch }: { jobs: ListedJob[]; label: string; isOfBatch?: boolean }) {
  return (
    <div className="scroll jobs-table">
      <table aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Status</th>
            <th scope="col" className="number">Read</th>
            <th scope="col" className="number">Rejected</th>
            <th scope="col">Came</th>
            <th scope="col" className="number">Took</th>
          </tr>
        </thead>
        <tbody>{jobs.map((job) => <JobRow key={job.id} job={isOfBatch ? { ...job, parent: null } : job} />)}</tbody>
      </table>
    </div>
  );
}

function JobRow({ job }: { job: ListedJob }) {
  const isBusy = job.status === "RUNNING" || job.status === "RETRYING";
  const rows = isBusy ? job.progress.rowsRead : job.counts.read;
  return (
    <tr>
      <th scope="row" className="job-name">
        <Link href={`/jobs/${job.id}`}>{jobName(job)}</Link>
        <JobLine job={job} />
      </th>
      <td className="job-state">
        <Status status={job.status} />
        {isBusy && <JobProgress progress={job.progress} />}
        {job.status === "FAILED" && job.failure && <p className="hint cut" title={job.failure.message}>{job.failure.message}</p>}
      </td>
      <td className="number" data-name="Read">{count(rows)}</td>
      <td className={job.counts.rejected ? "number some" : "number"} data-name="Rejected">{count(job.counts.rejected)}</td>
      <td data-name="Came" className="came"><Since at={job.createdAt} /></td>
      <td className="number" data-name="Took">{hasEnded(job.status) && job.durationMs !== null ? duration(job.durationMs) : "–"}</td>
    </tr>
  );
}

/** What it does, and what it is of, as far as its name doesn't say so. */
function JobLine({ job }: { job: ListedJob }) {
  const { kind, dataset, pipeline, parent, retryOf } = job;
  const name = jobName(job);
  return (
    <span className="job-line">
      <span className={kind === "BATCH" ? "kind batch" : "kind"}>{LINES[kind] ?? KIND_NAMES[kind]}</span>
      {dataset && dataset.name !== name && <> into <Link href={`/datasets/${encodeURIComponent(dataset.name)}`}>{dataset.name}</Link></>}
      {pipeline && pipeline.name !== name && <> by <Link href={`/pipelines/${encodeURIComponent(pipeline.name)}`}>{pipeline.name}</Link></>}
      {parent && <>, of <Link href={`/jobs/${parent.id}`}>a batch</Link></>}
      {retryOf && <>{kind === "CORRECTION" ? " of " : ", again for "}<Link href={`/jobs/${retryOf.id}`}>an earlier job</Link></>}
    </span>
  );
}
