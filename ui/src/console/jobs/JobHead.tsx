import { Link } from "wouter";
import { count } from "../shared/format";
import { Since } from "../shared/Since";
import { Status } from "../shared/Status";
import type { ShownJob } from "./jobQuery";
import { jobName, KIND_NAMES } from "./words";

/** What the job is, where it is, and what it comes from. */
export function JobHead({ job }: { job: ShownJob }) {
  const { kind, dataset, datasetVersion, pipeline, pipelineVersion, parent, retryOf } = job;
  return (
    <header className="job-head">
      <p className="hint crumb"><Link href="/jobs">Jobs</Link> / {KIND_NAMES[kind]}</p>
      <h1>{jobName(job)} <span role="status"><Status status={job.status} /></span></h1>
      <p className="job-line">
        {KIND_NAMES[kind]}
        {dataset && <> into <Link href={`/datasets/${encodeURIComponent(dataset.name)}`}>{dataset.name}</Link></>}
        {dataset && datasetVersion !== null && (
          <>, where it made <Link href={versionLink(dataset.name, datasetVersion)}>version {count(datasetVersion)}</Link></>
        )}
        {pipeline && (
          <> by <Link href={`/pipelines/${encodeURIComponent(pipeline.name)}`}>{pipeline.name}</Link>{pipelineVersion !== null && ` (version ${pipelineVersion})`}</>
        )}
        {parent && <>, of <Link href={`/jobs/${parent.id}`}>a batch</Link></>}
        {retryOf && <>{kind === "CORRECTION" ? " of " : ", again for "}<Link href={`/jobs/${retryOf.id}`}>an earlier {KIND_NAMES[retryOf.kind].toLowerCase()}</Link></>}
        {" · "}
        <Since at={job.createdAt} />
      </p>
    </header>
  );
}

function versionLink(name: string, version: number): string {
  return `/datasets/${encodeURIComponent(name)}?version=${version}`;
}
