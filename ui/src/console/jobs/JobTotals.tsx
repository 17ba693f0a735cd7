import { useQuery } from "urql";
import { type ResultOf, graphql } from "../../graph";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { count } from "../shared/format";
import { type JobStatus, STATUS_NAMES } from "../shared/Status";
import { useThrottled } from "../shared/useThrottled";
import type { Filters } from "./filter";

const Totals = graphql(`
  query JobTotals($all: JobFilter, $recent: JobFilter, $partial: JobFilter, $failed: JobFilter) {
    statuses: jobStatistics(filter: $all, groupBy: STATUS) { key jobs }
    days: jobStatistics(filter: $recent, groupBy: DAY) { key jobs rowsRead rowsRejected }
    partial: jobStatistics(filter: $partial, groupBy: DAY) { key jobs }
    failed: jobStatistics(filter: $failed, groupBy: DAY) { key jobs }
  }
`);

type Day = ResultOf<typeof Totals>["days"][number];

const DAYS = 14;
const DAY_MS = 86_400_000;
const AGAIN_MS = 2_000;
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** How many jobs there are of each status, which are chosen here, and of each of the last days. */
export function JobTotals({ filters }: { filters: Filters }) {
  const { status: _, ...all } = filters.filter;
  const first = Math.floor(Date.now() / DAY_MS - DAYS + 1) * DAY_MS;
  const recent = { ...all, createdAfter: new Date(first - 1).toISOString() };
  const variables = { all, recent, partial: { ...recent, status: ["PARTIAL" as const] }, failed: { ...recent, status: ["FAILED" as const] } };
  const [{ data }, read] = useQuery({ query: Totals, variables });
  const again = useThrottled(() => read({ requestPolicy: "network-only" }), AGAIN_MS);
  useJobEvents(({ type }) => type === "STATUS" && again());
  useFeedGap(again);
  const jobs = new Map(data?.statuses.map(({ key, jobs }) => [key, jobs]));
  return (
    <div className="job-totals">
      <StatusToggles jobs={jobs} filters={filters} />
      {!all.createdAfter && !all.createdBefore && (
        <DayBars days={data?.days ?? []} partial={byDay(data?.partial)} failed={byDay(data?.failed)} />
      )}
    </div>
  );
}

function byDay(found: { key: string; jobs: number }[] | undefined): Map<string, number> {
  return new Map(found?.map(({ key, jobs }) => [key, jobs]));
}

function StatusToggles({ jobs, filters }: { jobs: Map<string, number>; filters: Filters }) {
  const chosen = filters.filter.status ?? [];
  return (
    <div className="status-toggles" role="group" aria-label="Status">
      {(Object.keys(STATUS_NAMES) as JobStatus[]).map((status) => (
        <button
          key={status}
          type="button"
          className={`status-toggle ${status.toLowerCase()}`}
          aria-pressed={chosen.includes(status)}
          onClick={() => filters.toggleStatus(status)}
        >
          <span className="total">{count(jobs.get(status) ?? 0)}</span> {STATUS_NAMES[status]}
        </button>
      ))}
    </div>
  );
}

interface BarsProps {
  days: Day[];
  partial: Map<string, number>;
  failed: Map<string, number>;
}

/** A column for each of the last days, as high as it had jobs: of these the failed ones below. */
function DayBars({ days: known, partial, failed }: BarsProps) {
  const byKey = new Map(known.map((day) => [day.key, day]));
  const today = Math.floor(Date.now() / DAY_MS);
  const keys = Array.from({ length: DAYS }, (_, place) => new Date((today - DAYS + 1 + place) * DAY_MS).toISOString().slice(0, 10));
  const most = Math.max(1, ...keys.map((key) => byKey.get(key)?.jobs ?? 0));
  return (
    <figure className="day-bars">
      <ol>
        {keys.map((key) => {
          const day = byKey.get(key);
          const words = describeDay(key, day, partial.get(key) ?? 0, failed.get(key) ?? 0);
          const part = (jobs: number) => ({ flexGrow: jobs / most });
          return (
            <li key={key} title={words}>
              <span className="unseen">{words}</span>
              <span className="space" style={part(most - (day?.jobs ?? 0))} />
              <span className="good" style={part((day?.jobs ?? 0) - (partial.get(key) ?? 0) - (failed.get(key) ?? 0))} />
              <span className="warn" style={part(partial.get(key) ?? 0)} />
              <span className="bad" style={part(failed.get(key) ?? 0)} />
            </li>
          );
        })}
      </ol>
      <figcaption>Jobs a day, the last {DAYS} days</figcaption>
    </figure>
  );
}

function describeDay(key: string, day: Day | undefined, partial: number, failed: number): string {
  const name = days.format(new Date(key));
  if (!day) return `${name}: no jobs`;
  const jobs = [`${count(day.jobs)} ${day.jobs === 1 ? "job" : "jobs"}`];
  if (failed) jobs.push(`${count(failed)} failed`);
  if (partial) jobs.push(`${count(partial)} partly accepted`);
  return `${name}: ${jobs.join(", ")}; ${count(day.rowsRead)} rows read, ${count(day.rowsRejected)} rejected`;
}
