import { Link } from "wouter";
import { count } from "../../shared/format";
import type { Corrections, SentCorrections } from "./useCorrections";

/** What became of the corrections that were sent last. */
export function CorrectionNews({ corrections: { sent } }: { corrections: Corrections }) {
  return (
    <div role="status">
      {sent && (
        <p className={sent.failure === null && sent.rejected === 0 ? "correction-news good" : "correction-news warn"}>
          {words(sent)} <Link href={`/jobs/${sent.jobId}`}>The correction's own job</Link>
        </p>
      )}
    </div>
  );
}

function words({ passed, rejected, failure }: SentCorrections): string {
  if (failure !== null) return `The corrections failed: ${failure}`;
  const good = `${count(passed)} ${passed === 1 ? "row is" : "rows are"} good now and in the dataset.`;
  if (rejected === 0) return good;
  const bad = `${count(rejected)} ${rejected === 1 ? "row is" : "rows are"} still wrong: what was typed is below, with what is wrong with it.`;
  return passed === 0 ? bad : `${good} ${bad}`;
}
