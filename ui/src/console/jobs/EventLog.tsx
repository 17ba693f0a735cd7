import { useState } from "react";
import { type ResultOf, graphql } from "../../graph";
import { useFeedGap, useJobEvents } from "../JobFeed";
import { moment, percent } from "../shared/format";
import { LoadMore } from "../shared/LoadMore";
import { Failure, Loading } from "../shared/states";
import { STATUS_NAMES } from "../shared/Status";
import { usePages } from "../shared/usePages";
import { useThrottled } from "../shared/useThrottled";

const Events = graphql(`
  query JobEvents($id: ID!, $after: String) {
    job(id: $id) {
      id
      events(first: 100, after: $after) {
        edges { node { cursor type at status message progress { stage fraction } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

type Entry = NonNullable<ResultOf<typeof Events>["job"]>["events"]["edges"][number]["node"];

const AGAIN_MS = 1_000;

/** All that the job told of itself; read once it is opened, and live from then on. */
export function EventLog({ jobId }: { jobId: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="event-log" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><h2>Events</h2></summary>
      {isOpen && <Entries jobId={jobId} />}
    </details>
  );
}

function Entries({ jobId }: { jobId: string }) {
  const pages = usePages(Events, { id: jobId }, (data) => data.job?.events);
  const again = useThrottled(pages.more, AGAIN_MS);
  useJobEvents(({ job }) => job.id === jobId && !pages.hasMore && again());
  useFeedGap(again);
  if (!pages.entries) return pages.error ? <Failure error={pages.error} onRetry={pages.reload} /> : <Loading what="events" />;
  return (
    <>
      <ol className="events">
        {withoutRepeats(pages.entries).map((event) => (
          <li key={event.cursor}><time dateTime={event.at}>{moment(event.at)}</time> <span>{words(event)}</span></li>
        ))}
      </ol>
      <LoadMore pages={pages} what="events" />
    </>
  );
}

/** Of progress within one stage the last word is enough. */
function withoutRepeats(events: Entry[]): Entry[] {
  return events.filter((event, place) => {
    const next = events[place + 1];
    return event.type !== "PROGRESS" || next?.type !== "PROGRESS" || next.progress?.stage !== event.progress?.stage;
  });
}

function words({ status, message, progress, type }: Entry): string {
  if (type === "PROGRESS" && progress) {
    return progress.fraction === null ? progress.stage : `${progress.stage}, ${percent(progress.fraction)}`;
  }
  return [status && STATUS_NAMES[status], message].filter(Boolean).join(": ");
}
