import { useCallback } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql, type ResultOf } from "../../graph";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { Bar } from "../shared/Bar";
import { count } from "../shared/format";
import { Icon } from "../shared/Icon";
import { Failure, Loading } from "../shared/states";
import { hasEnded } from "../shared/Status";
import { BadRows } from "./BadRows";
import { labelOf } from "./schema";

const JobQuery = graphql(`
  query ValidationJob($id: ID!) {
    job(id: $id) {
      id
      status
      progress { stage fraction rowsRead }
      counts { read accepted rejected filtered merged warnings }
      failure { code message }
      errorSummary(groupBy: [CODE, COLUMN, CHECK, SEVERITY]) { code column check severity count rows samples { message } }
      errors(first: 50) { totalCount edges { node { id row line column value message severity record } } }
    }
  }
`);

export type CheckedJob = NonNullable<ResultOf<typeof JobQuery>["job"]>;

/** What a check of the file has found, as soon as it has ended. */
export function ValidationJob({ id, columns }: { id: string; columns: string[] }) {
  const [{ data, error }, read] = useQuery({ query: JobQuery, variables: { id }, requestPolicy: "cache-and-network" });
  const readAgain = useCallback(() => read({ requestPolicy: "network-only" }), [read]);
  useJobEvents(({ job }) => {
    if (job.id === id && hasEnded(job.status)) readAgain();
  });
  useFeedGap(readAgain);
  const job = data?.job;
  if (!job) return error ? <Failure error={error} onRetry={readAgain} /> : <Loading what="what was found" />;
  if (!hasEnded(job.status)) return <Running job={job} />;
  return (
    <>
      <Verdict job={job} />
      <Rules job={job} />
      <BadRows job={job} columns={columns} />
      <p><Link href={`/jobs/${id}`}>Everything about this check</Link></p>
    </>
  );
}

function Running({ job: { progress } }: { job: CheckedJob }) {
  return (
    <div role="status">
      <p>{progress.rowsRead > 0 ? `${count(progress.rowsRead)} rows read` : "Waits for a worker…"}</p>
      <Bar fraction={progress.fraction} label="Check of the file" />
    </div>
  );
}

function Verdict({ job: { status, counts, failure } }: { job: CheckedJob }) {
  if (status === "FAILED" || status === "CANCELED")
    return <p role="status" className="verdict failed"><Icon name="warning" /> {failure?.message ?? "The check was canceled."}</p>;
  const isPassed = counts.rejected === 0;
  const rows = isPassed ? `All ${count(counts.read)} rows pass` : `${count(counts.rejected)} of ${count(counts.read)} rows would be rejected`;
  const warnings = counts.warnings > 0 ? `, with ${count(counts.warnings)} warnings` : "";
  return (
    <p role="status" className={isPassed ? "verdict passed" : "verdict failed"}>
      <Icon name={isPassed ? "done" : "warning"} /> {rows}{warnings}.
    </p>
  );
}

/** The rules that were broken, the one with the most rows first, each with a bar for its part of the rows. */
function Rules({ job: { errorSummary, counts } }: { job: CheckedJob }) {
  if (errorSummary.length === 0) return null;
  return (
    <ul className="broken" aria-label="Rules that were broken">
      {errorSummary.map((group) => (
        <li key={[group.code, group.column, group.check, group.severity].join()}>
          <span><strong>{ruleOf(group)}</strong> {group.column && <code>{group.column}</code>} {group.severity === "WARNING" && <span className="hint">warning</span>}</span>
          <span className="number">{count(group.rows)} {group.rows === 1 ? "row" : "rows"}</span>
          <meter min={0} max={Math.max(1, counts.read)} value={group.rows} aria-label={`Rows that break ${ruleOf(group)}`} />
          <span className="hint">{group.samples[0]?.message}</span>
        </li>
      ))}
    </ul>
  );
}

/** The check's name, or for what no check has found its code in words. */
function ruleOf({ check, code }: CheckedJob["errorSummary"][number]): string {
  return check ? labelOf(check) : (code ?? "").toLowerCase().replaceAll("_", " ");
}
