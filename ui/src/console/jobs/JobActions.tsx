import { useState } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";
import { graphql } from "../../graph";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { count } from "../shared/format";
import { hasEnded } from "../shared/Status";
import { useViewer } from "../shared/viewer";
import { actionOf, type ShownJob } from "./jobQuery";
import type { JobKind } from "./words";

const Retry = graphql(`
  mutation Retry($input: RetryInput!) {
    retry(input: $input) { job { id } errors { code message path } }
  }
`);

const Cancel = graphql(`
  mutation Cancel($input: CancelInput!) {
    cancel(input: $input) { job { id status } errors { code message path } }
  }
`);

/** What stays of a canceled job, where that isn't nothing. */
const EFFECTS: Partial<Record<JobKind, string>> = {
  MAPPING: "Items that have ended by then stay as they are; the others are not begun.",
  BATCH: "Items that have ended by then stay as they are; the others end without effect.",
};

type Strategy = "ALL" | "FAILED_ROWS";

/** What can be done with the job as a whole, and why not what can't be. */
export function JobActions({ job }: { job: ShownJob }) {
  const { canOperate } = useViewer();
  if (!canOperate) return null;
  return hasEnded(job.status) ? <RetryButtons job={job} /> : <CancelButton job={job} />;
}

function RetryButtons({ job }: { job: ShownJob }) {
  const [, navigate] = useLocation();
  const [{ fetching }, retry] = useMutation(Retry);
  const [faults, setFaults] = useState<Fault[]>([]);
  const { allowed, reason } = actionOf(job, "RETRY");
  const isDone = job.status === "SUCCEEDED" || (job.kind === "VALIDATE" && job.status === "PARTIAL");
  if (!allowed) return isDone ? null : <p className="hint">It can't be tried again: {reason}</p>;

  async function start(strategy: Strategy) {
    const result = await retry({ input: { jobId: job.id, strategy } });
    const started = result.data?.retry.job;
    setFaults(faultsOf(result, result.data?.retry.errors));
    if (started) navigate(`/jobs/${started.id}`);
  }

  return (
    <div className="job-actions">
      <div className="row">
        {strategiesOf(job).map(({ strategy, name }) => (
          <button key={strategy} type="button" className="quiet" disabled={fetching} onClick={() => void start(strategy)}>{name}</button>
        ))}
      </div>
      <Faults of={faults} />
    </div>
  );
}

/** The ways in which a job that may be tried again can be, by what of it had no effect. */
function strategiesOf({ kind, status, counts }: ShownJob): { strategy: Strategy; name: string }[] {
  const all = { strategy: "ALL" as const, name: "Try it again" };
  if (kind === "BATCH") {
    const rows = { strategy: "FAILED_ROWS" as const, name: "Try failed items and rejected rows again" };
    return status === "SUCCEEDED" ? [rows] : [{ ...all, name: "Try failed items again" }, rows];
  }
  if (status === "FAILED" || status === "CANCELED") return [all];
  const what = kind === "MAPPING" ? "failed item" : "rejected row";
  const name = counts.rejected === 1 ? `Try the ${what} again` : `Try the ${count(counts.rejected)} ${what}s again`;
  return [{ strategy: "FAILED_ROWS", name }];
}

function CancelButton({ job }: { job: ShownJob }) {
  const [isAsking, setAsking] = useState(false);
  const [isForced, setForced] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const [{ fetching }, cancel] = useMutation(Cancel);
  const [faults, setFaults] = useState<Fault[]>([]);
  const { allowed, reason } = actionOf(job, "CANCEL");
  if (!allowed) return <p className="hint">It can't be stopped: {reason}</p>;

  async function stop() {
    const result = await cancel({ input: { jobId: job.id, mode: isForced ? "FORCE" : "SAFE" } });
    const wrong = faultsOf(result, result.data?.cancel.errors);
    setFaults(wrong);
    setAsked(wrong.length === 0);
    setAsking(wrong.length > 0);
  }

  return (
    <div className="job-actions row">
      <button type="button" className="danger" onClick={() => setAsking(true)}>Cancel the job</button>
      <span role="status" className="hint">{isAsked && "It was asked to stop, and does so soon."}</span>
      {isAsking && (
        <ConfirmDialog
          title="Cancel this job?"
          action="Cancel the job"
          isDangerous
          isBusy={fetching}
          onConfirm={() => void stop()}
          onClose={() => setAsking(false)}
        >
          <p>{EFFECTS[job.kind] ?? "It ends without effect: no row of it is kept."} It can be tried again later.</p>
          <label className="cancel-choice">
            <input type="radio" name="mode" checked={!isForced} onChange={() => setForced(false)} />
            <span>At its next safe point <span className="hint">after what it is doing at the moment</span></span>
          </label>
          <label className="cancel-choice">
            <input type="radio" name="mode" checked={isForced} onChange={() => setForced(true)} />
            <span>At once <span className="hint">its process is ended; nothing is left half written either</span></span>
          </label>
          <Faults of={faults} />
        </ConfirmDialog>
      )}
    </div>
  );
}
