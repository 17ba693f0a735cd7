import { useRef } from "react";
import { Link } from "wouter";
import { LoadMore } from "../shared/LoadMore";
import { Empty, Failure, Loading } from "../shared/states";
import { useTitle } from "../shared/title";
import { type Filters, useFilters } from "./filter";
import { JobFilters } from "./JobFilters";
import "./jobs.css";
import { JobsTable } from "./JobsTable";
import { JobTotals } from "./JobTotals";
import { useJobList } from "./useJobList";

/** Far enough down that one reads, and isn't waiting for what comes. */
const AWAY_FROM_TOP_PX = 80;

/** All jobs, the newest first, each with its progress as it happens. */
export default function JobsPage() {
  useTitle("Jobs");
  const filters = useFilters();
  return (
    <>
      <div className="row page-head">
        <h1>Jobs</h1>
        <Link href="/upload" className="button">Upload a file</Link>
      </div>
      <JobTotals filters={filters} />
      <JobFilters filters={filters} />
      <FilteredJobs filters={filters} />
    </>
  );
}

function FilteredJobs({ filters }: { filters: Filters }) {
  const box = useRef<HTMLDivElement>(null);
  // Nothing moves below a pointer, a focus or the eyes of who reads further down.
  const isHeld = () =>
    scrollY > AWAY_FROM_TOP_PX || box.current?.matches(":hover, :focus-within") === true;
  const { pages, jobs, waiting, showWaiting } = useJobList(filters.filter, isHeld);
  if (pages.entries === null) {
    return pages.error ? <Failure error={pages.error} onRetry={pages.reload} /> : <Loading what="jobs" />;
  }
  return (
    <>
      <div className="new-jobs" role="status">
        {waiting > 0 && (
          <button
            type="button"
            onClick={() => {
              showWaiting();
              scrollTo({ top: 0, behavior: "smooth" });
            }}
          >
            {waiting === 1 ? "Show 1 new job" : `Show ${waiting} new jobs`}
          </button>
        )}
      </div>
      {jobs.length === 0 ? (
        <NoJobs filters={filters} />
      ) : (
        <div ref={box}>
          <JobsTable jobs={jobs} label="Jobs" />
          <LoadMore pages={pages} what="jobs" />
        </div>
      )}
    </>
  );
}

function NoJobs({ filters }: { filters: Filters }) {
  if (filters.given.size === 0) {
    return <Empty title="No jobs yet"><Link href="/upload">Upload a file</Link>, and its job is shown here as it runs.</Empty>;
  }
  return (
    <Empty title="No job is like that">
      <button type="button" className="quiet" onClick={filters.clear}>Clear the filter</button>
    </Empty>
  );
}
