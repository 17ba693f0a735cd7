/** The list of jobs, as it was read and as events have changed it since then. */

import { useMemo, useRef, useState } from "react";
import { useClient } from "urql";
import { type ResultOf, graphql } from "../../graph";
import { type FeedEvent, useFeedGap, useJobEvents } from "../JobFeed";
import { type Pages, usePages } from "../shared/usePages";
import { useThrottled } from "../shared/useThrottled";
import type { JobFilter } from "./filter";

const JobOfList = graphql(`
  fragment JobOfList on Job {
    id
    kind
    status
    createdAt
    finishedAt
    durationMs
    progress { stage fraction rowsRead rowsWritten bytesRead bytesTotal rowsPerSecond etaSeconds message }
    counts { read accepted rejected filtered merged warnings }
    failure { code message }
    parent { id }
    retryOf { id }
    dataset { id name }
    file { id name }
    pipeline { id name }
  }
`);

const Jobs = graphql(
  `
    query Jobs($filter: JobFilter, $first: Int = 25, $after: String) {
      jobs(filter: $filter, first: $first, after: $after) {
        edges { node { ...JobOfList } }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [JobOfList],
);

export type ListedJob = ResultOf<typeof JobOfList>;

export interface JobList {
  pages: Pages<ListedJob>;
  /** Those that are shown, the newest first. */
  jobs: ListedJob[];
  /** Those that came since and are not shown yet. */
  waiting: number;
  showWaiting: () => void;
}

/** A page that is left open for days shows no more than it did at first, and some. */
const MOST_CHANGED = 200;
const LOOK_MS = 300;
/** As many ids as the server takes in one filter. */
const MOST_AT_ONCE = 100;

/** List jobs live: what changes, changes in its place; what is new waits while `isHeld` says that someone reads. */
export function useJobList(filter: JobFilter, isHeld: () => boolean): JobList {
  const pages = usePages(Jobs, { filter }, (data) => data.jobs);
  const key = JSON.stringify(filter);
  const [changed, setChanged] = useState(new Map<string, ListedJob>());
  const [fresh, setFresh] = useState<{ key: string; ids: Set<string> }>({ key, ids: new Set() });
  const shownIds = fresh.key === key ? fresh.ids : NONE;
  const all = useMemo(() => merge(pages, changed, key), [pages, changed, key]);
  const jobs = useMemo(() => all.filter(({ isNew, job }) => !isNew || shownIds.has(job.id)).map(({ job }) => job), [all, shownIds]);
  const waitingIds = all.filter(({ isNew, job }) => isNew && !shownIds.has(job.id)).map(({ job }) => job.id);
  const show = (ids: string[]) => setFresh({ key, ids: new Set([...shownIds, ...ids]) });

  useLookups(filter, jobs, (found) => {
    if (!isHeld() && changed.size > MOST_CHANGED) return beginAnew();
    setChanged((before) => new Map([...before, ...found.map((job) => [key + job.id, job] as const)]));
    if (!isHeld()) show(found.map(({ id }) => id));
  });
  useJobEvents(({ job }) => setChanged((before) => withEvent(before, jobs, key, job)));
  useFeedGap(beginAnew);

  function beginAnew() {
    setChanged(new Map());
    pages.reload();
  }

  return { pages, jobs, waiting: waitingIds.length, showWaiting: () => show(waitingIds) };
}

const NONE: ReadonlySet<string> = new Set();

/** Read anew what has a new status, so that the server says which of these the filter matches by now. */
function useLookups(filter: JobFilter, jobs: ListedJob[], tell: (found: ListedJob[]) => void): void {
  const client = useClient();
  const ids = useRef(new Set<string>());
  const look = useThrottled(async () => {
    const some = [...ids.current].slice(0, MOST_AT_ONCE);
    for (const id of some) ids.current.delete(id);
    const known = new Set(jobs.map(({ id }) => id));
    const [old, added] = [some.filter((id) => known.has(id)), some.filter((id) => !known.has(id))];
    const asked = [old.length ? { ids: old } : null, added.length ? { ...filter, ids: added } : null].filter((each) => each !== null);
    const answers = await Promise.all(
      asked.map((each) => client.query(Jobs, { filter: each, first: each.ids.length }, { requestPolicy: "network-only" })),
    );
    tell(answers.flatMap(({ data }) => data?.jobs.edges.map(({ node }) => node) ?? []));
    if (ids.current.size) look();
  }, LOOK_MS);
  useJobEvents(({ type, job }) => {
    if (type !== "STATUS" || (filter.parent && job.parent?.id !== filter.parent)) return;
    ids.current.add(job.id);
    look();
  });
}

function withEvent(
  before: Map<string, ListedJob>,
  jobs: ListedJob[],
  key: string,
  news: FeedEvent["job"],
): Map<string, ListedJob> {
  const known = before.get(key + news.id) ?? jobs.find(({ id }) => id === news.id);
  return known ? new Map(before).set(key + news.id, { ...known, ...news }) : before;
}

/** What was read in its order, and what came since, in front of it; what belongs behind its end comes with its page. */
function merge(pages: Pages<ListedJob>, changed: Map<string, ListedJob>, key: string) {
  const entries = pages.entries ?? [];
  const known = new Set(entries.map(({ id }) => id));
  const oldest = entries.at(-1)?.id ?? "";
  const added = [...changed]
    .filter(([name, { id }]) => name === key + id && !known.has(id) && (!pages.hasMore || id > oldest))
    .map(([, job]) => ({ job, isNew: true }));
  const read = entries.map((job) => ({ job: changed.get(key + job.id) ?? job, isNew: false }));
  // Ids sort as their jobs were made.
  return [...added, ...read].sort((one, other) => (one.job.id < other.job.id ? 1 : -1));
}
