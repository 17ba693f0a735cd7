import { useQuery } from "urql";
import { graphql } from "../../graph";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { LoadMore } from "../shared/LoadMore";
import { type Part, Parts } from "../shared/Parts";
import { Failure, Loading } from "../shared/states";
import { type JobStatus, STATUS_NAMES } from "../shared/Status";
import { useThrottled } from "../shared/useThrottled";
import { JobsTable } from "./JobsTable";
import { useJobList } from "./useJobList";

const Totals = graphql(`
  query ChildTotals($filter: JobFilter!) {
    jobStatistics(filter: $filter, groupBy: STATUS) { key jobs }
  }
`);

const TONES: Record<JobStatus, Part["tone"]> = {
  SUCCEEDED: "good",
  PARTIAL: "warn",
  FAILED: "bad",
  CANCELED: "soft",
  RUNNING: "busy",
  RETRYING: "busy",
  QUEUED: "soft",
};
const AGAIN_MS = 1_000;
const NEVER = () => false;

/** The jobs of a batch's items, and how many of them are where. */
export function Children({ parentId }: { parentId: string }) {
  const filter = { parent: parentId };
  const { pages, jobs } = useJobList(filter, NEVER);
  if (pages.entries === null) {
    return pages.error ? <Failure error={pages.error} onRetry={pages.reload} /> : <Loading what="the items" />;
  }
  return (
    <section aria-labelledby="items-title">
      <h2 id="items-title">Items</h2>
      <ChildTotals parentId={parentId} />
      <JobsTable jobs={jobs} label="Items of the batch" isOfBatch />
      <LoadMore pages={pages} what="items" />
    </section>
  );
}

function ChildTotals({ parentId }: { parentId: string }) {
  const [{ data }, read] = useQuery({ query: Totals, variables: { filter: { parent: parentId } } });
  const again = useThrottled(() => read({ requestPolicy: "network-only" }), AGAIN_MS);
  useJobEvents(({ type, job }) => type === "STATUS" && job.parent?.id === parentId && again());
  useFeedGap(again);
  if (!data) return null;
  const jobs = new Map(data.jobStatistics.map(({ key, jobs }) => [key, jobs]));
  const whole = data.jobStatistics.reduce((sum, { jobs }) => sum + jobs, 0);
  const parts = (Object.keys(TONES) as JobStatus[]).map((status) => ({
    name: STATUS_NAMES[status].toLowerCase(),
    count: jobs.get(status) ?? 0,
    tone: TONES[status],
  }));
  return <Parts whole={whole} name="jobs" parts={parts} />;
}
