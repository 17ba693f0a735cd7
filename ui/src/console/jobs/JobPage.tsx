import { useState } from "react";
import { useQuery } from "urql";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { Empty, Failure, Loading } from "../shared/states";
import { hasEnded } from "../shared/Status";
import { useTitle } from "../shared/title";
import { useThrottled } from "../shared/useThrottled";
import { Attempts } from "./Attempts";
import { Children } from "./Children";
import { ErrorsSection } from "./errors/ErrorsSection";
import { EventLog } from "./EventLog";
import { FailureWords } from "./FailureWords";
import { Items } from "./Items";
import "./jobPage.css";
import "./jobs.css";
import { JobActions } from "./JobActions";
import { JobFacts } from "./JobFacts";
import { JobHead } from "./JobHead";
import { JobProgress } from "./JobProgress";
import { JobQuery, type ShownJob } from "./jobQuery";
import { JobResult } from "./JobResult";
import { RowsBar } from "./RowsBar";
import { jobName } from "./words";

/** Events come in handfuls. */
const AGAIN_MS = 250;

/** One job, as it is at the moment and until its end. */
export default function JobPage({ id }: { id: string }) {
  const [{ data, error }, read] = useQuery({ query: JobQuery, variables: { id } });
  const readAgain = () => read({ requestPolicy: "network-only" });
  const soon = useThrottled(readAgain, AGAIN_MS);
  useJobEvents(({ type, job }) => {
    // Corrections and retries change the job that they are of.
    if (type === "STATUS" && [job.id, job.retryOf?.id, job.parent?.id].includes(id)) soon();
  });
  useFeedGap(soon);
  useTitle(data?.job ? jobName(data.job) : "Job");
  if (!data) return error ? <Failure error={error} onRetry={readAgain} /> : <Loading what="the job" />;
  if (!data.job) return <Empty title="There is no such job">Its id is wrong, or you may not see it.</Empty>;
  return <JobParts job={data.job} readAgain={readAgain} />;
}

function JobParts({ job, readAgain }: { job: ShownJob; readAgain: () => void }) {
  const isOver = hasEnded(job.status);
  const [hadErrors, setHadErrors] = useState(false);
  // They stay in place as the last of them is corrected.
  if (!hadErrors && job.errorSummary.length > 0) setHadErrors(true);
  const result = job.result && <JobResult job={job} result={job.result} />;
  return (
    <>
      <JobHead job={job} />
      <JobActions job={job} />
      {!isOver && <section className="panel" aria-label="Progress"><JobProgress progress={job.progress} isWhole /></section>}
      {job.failure && <FailureWords failure={job.failure} jobId={job.id} />}
      {isOver && <RowsBar counts={job.counts} kind={job.kind} />}
      {job.kind === "BATCH" && <Children parentId={job.id} />}
      {job.kind === "MAPPING" && <Items jobId={job.id} isOver={isOver} />}
      {job.kind === "VALIDATE" && result}
      {hadErrors && <ErrorsSection job={job} readAgain={readAgain} />}
      {job.kind !== "VALIDATE" && result}
      <JobFacts job={job} />
      <Attempts attempts={job.attempts} />
      <EventLog jobId={job.id} />
    </>
  );
}
