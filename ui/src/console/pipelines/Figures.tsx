import { Link } from "wouter";
import { count, duration, percent } from "../shared/format";
import type { Pipeline } from "./queries";

/** Figures over all jobs of a pipeline. */
export function Figures({ pipeline: { statistics, dataset } }: { pipeline: Pipeline }) {
  const { jobs, successRate, rowsRead, rowsAccepted, rowsRejected, durationP50Ms, durationP95Ms, rowsPerSecond } = statistics;
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">Over all jobs</h2>
      <dl className="figures">
        <div><dt>Jobs</dt><dd>{count(jobs)}</dd></div>
        <div><dt>Ended well</dt><dd>{successRate === null ? "none yet" : percent(successRate)}</dd></div>
        <div><dt>Rows read</dt><dd>{count(rowsRead)}</dd></div>
        <div><dt>Accepted</dt><dd>{count(rowsAccepted)}</dd></div>
        <div><dt>Rejected</dt><dd>{count(rowsRejected)}</dd></div>
        {durationP50Ms !== null && <div><dt>Half took at most</dt><dd>{duration(durationP50Ms)}</dd></div>}
        {durationP95Ms !== null && <div><dt>95 in 100 at most</dt><dd>{duration(durationP95Ms)}</dd></div>}
        {rowsPerSecond !== null && <div><dt>Rows a second</dt><dd>{count(Math.round(rowsPerSecond))}</dd></div>}
      </dl>
      {dataset && <p>Its rows go to the dataset <Link href={`/datasets/${encodeURIComponent(dataset.name)}`}>{dataset.name}</Link>.</p>}
    </section>
  );
}
