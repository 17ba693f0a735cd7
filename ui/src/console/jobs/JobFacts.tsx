import type { ReactNode } from "react";
import { Link } from "wouter";
import { CopyId } from "../shared/CopyId";
import { bytes, duration, moment } from "../shared/format";
import { hasEnded, Status } from "../shared/Status";
import type { ShownJob } from "./jobQuery";
import { KIND_NAMES } from "./words";

const PRIORITIES = { HIGH: "High", MEDIUM: "Medium", LOW: "Low" };

/** When it was, whose it is, and which jobs do it again. */
export function JobFacts({ job }: { job: ShownJob }) {
  const { createdBy, file, startedAt, finishedAt, durationMs } = job;
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Details</h2>
      <dl className="job-facts">
        <Fact name="Job"><CopyId id={job.id} /></Fact>
        {createdBy && <Fact name="Started by">{createdBy.name ?? createdBy.email}</Fact>}
        <Fact name="Accepted">{moment(job.createdAt)}</Fact>
        {startedAt && <Fact name="Began">{moment(startedAt)}</Fact>}
        {finishedAt && <Fact name="Ended">{moment(finishedAt)}</Fact>}
        {hasEnded(job.status) && durationMs !== null && <Fact name="Took">{duration(durationMs)}</Fact>}
        <Fact name="Priority">{PRIORITIES[job.priority]}</Fact>
        {file && <Fact name="File"><Link href={`/jobs?file=${file.id}`} title="All jobs that read this file">{file.name}</Link> ({bytes(file.byteSize)})</Fact>}
        {job.retries.edges.length > 0 && <Fact name="Later jobs for it"><Retries retries={job.retries} /></Fact>}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function Retries({ retries }: { retries: ShownJob["retries"] }) {
  return (
    <ul className="plain-list">
      {retries.edges.map(({ node }) => (
        <li key={node.id}>
          <Link href={`/jobs/${node.id}`}>{KIND_NAMES[node.kind]} of {moment(node.createdAt)}</Link> <Status status={node.status} />
        </li>
      ))}
      {retries.pageInfo.hasNextPage && <li className="hint">and earlier ones</li>}
    </ul>
  );
}
