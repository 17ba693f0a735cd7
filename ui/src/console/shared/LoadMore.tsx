import { describe } from "./states";
import type { Pages } from "./usePages";

/** Below a list that is read page by page: reads on, and says what keeps it from that. */
export function LoadMore({ pages, what }: { pages: Omit<Pages<unknown>, "entries">; what: string }) {
  if (pages.error) {
    return (
      <p className="load-more" role="alert">
        <span className="fault">{describe(pages.error)}</span>{" "}
        <button type="button" className="quiet" onClick={pages.hasMore ? pages.more : pages.reload}>Try again</button>
      </p>
    );
  }
  if (!pages.hasMore) return null;
  return (
    <p className="load-more">
      <button type="button" className="quiet" disabled={pages.isReading} onClick={pages.more}>
        {pages.isReading ? "Loading…" : `Load more ${what}`}
      </button>
    </p>
  );
}
