import { Link, useSearchParams } from "wouter";
import { LoadMore } from "../shared/LoadMore";
import { NameFilter } from "../shared/NameFilter";
import { Since } from "../shared/Since";
import { Empty, Failure, Loading } from "../shared/states";
import { Status } from "../shared/Status";
import { useChanges } from "../shared/useChanges";
import { usePages } from "../shared/usePages";
import { useViewer } from "../shared/viewer";
import { NewPipeline } from "./NewPipeline";
import { type ListedPipeline, PipelinesQuery } from "./queries";
import "./pipelines.css";

/** All pipelines by name, or the form that makes one. */
export default function PipelinesPage() {
  const [query] = useSearchParams();
  const { role, canOperate } = useViewer();
  return query.has("new") && role !== "VIEWER" ? <NewPipeline /> : <PipelineList canOperate={canOperate} />;
}

function PipelineList({ canOperate }: { canOperate: boolean }) {
  const [query, setQuery] = useSearchParams();
  const name = query.get("name") ?? "";
  const pages = usePages(PipelinesQuery, { filter: name ? { nameContains: name } : null }, (data) => data.pipelines);
  const { entries: pipelines, reload } = pages;
  useChanges(reload);
  return (
    <>
      <div className="row title-row">
        <h1>Pipelines</h1>
        <div className="row">
          <NameFilter label="Find a pipeline by name" name={name} onChange={(next) => setQuery(next ? { name: next } : {}, { replace: true })} />
          {canOperate && <Link href="/pipelines?new" className="button">New pipeline</Link>}
        </div>
      </div>
      {!pipelines && (pages.error ? <Failure error={pages.error} onRetry={reload} /> : <Loading what="pipelines" />)}
      {pipelines?.length === 0 && <None name={name} canOperate={canOperate} />}
      {pipelines && pipelines.length > 0 && <PipelineTable pipelines={pipelines} />}
      {pipelines && <LoadMore pages={pages} what="pipelines" />}
    </>
  );
}

function None({ name, canOperate }: { name: string; canOperate: boolean }) {
  if (name) return <Empty title={`No pipeline has “${name}” in its name`} />;
  return (
    <Empty title="No pipelines yet">
      A pipeline reads, changes, checks and stores rows again and again, by hand or on a schedule.{" "}
      {canOperate && <Link href="/pipelines?new">Begin with an example that works</Link>}
    </Empty>
  );
}

function PipelineTable({ pipelines }: { pipelines: readonly ListedPipeline[] }) {
  return (
    <div className="scroll" role="region" aria-label="Pipelines" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Last job</th>
            <th scope="col">Schedule</th>
            <th scope="col" className="number">Version</th>
          </tr>
        </thead>
        <tbody>
          {pipelines.map((pipeline) => (
            <tr key={pipeline.id}>
              <th scope="row" className="name">
                <Link href={`/pipelines/${encodeURIComponent(pipeline.name)}`}>{pipeline.name}</Link>
                {!pipeline.enabled && <span className="status paused">Paused</span>}
                {pipeline.description && <p className="hint">{pipeline.description}</p>}
              </th>
              <td className="when"><LastJob job={pipeline.lastJob} /></td>
              <td className="when"><NextRun schedule={pipeline.schedule} /></td>
              <td className="number">{pipeline.version}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LastJob({ job }: { job: ListedPipeline["lastJob"] }) {
  if (!job) return <span className="nothing">never ran</span>;
  return (
    <>
      <Link href={`/jobs/${job.id}`}><Status status={job.status} /></Link>{" "}
      <span className="hint"><Since at={job.createdAt} /></span>
    </>
  );
}

function NextRun({ schedule }: { schedule: ListedPipeline["schedule"] }) {
  if (!schedule) return <span className="nothing">by hand</span>;
  return (
    <>
      <code>{schedule.cron}</code> <span className="hint">{schedule.timezone}</span>
      {schedule.nextRunAt && <div className="hint">next <Since at={schedule.nextRunAt} /></div>}
    </>
  );
}
