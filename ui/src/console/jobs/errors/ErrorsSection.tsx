import { useEffect, useMemo, useRef } from "react";
import { LoadMore } from "../../shared/LoadMore";
import { Failure, Loading } from "../../shared/states";
import { usePages } from "../../shared/usePages";
import { useViewer } from "../../shared/viewer";
import { actionOf, type ShownJob } from "../jobQuery";
import { BadRows } from "./BadRows";
import { CorrectionBar } from "./CorrectionBar";
import { CorrectionNews } from "./CorrectionNews";
import { ErrorGroups } from "./ErrorGroups";
import "./errors.css";
import { ManyCells } from "./ManyCells";
import { columnsOf, ErrorsQuery, rowsOf } from "./rows";
import { Spreadsheet } from "./Spreadsheet";
import { useCorrections } from "./useCorrections";
import { useErrorFilter } from "./useErrorFilter";

/** What is wrong with rows of a job: in groups, then row by row, to be corrected where it stands. */
export function ErrorsSection({ job, readAgain }: { job: ShownJob; readAgain: () => void }) {
  const { canOperate } = useViewer();
  const { allowed, reason } = actionOf(job, "CORRECT");
  const errorFilter = useErrorFilter();
  const pages = usePages(ErrorsQuery, { id: job.id, filter: errorFilter.filter }, (data) => data.job?.errors);
  const corrections = useCorrections(job, () => {
    pages.reload();
    readAgain();
  });
  useReloadWith(job, pages.reload);
  const rows = useMemo(() => rowsOf(pages.entries ?? []), [pages.entries]);
  const columns = useMemo(
    () => columnsOf(rows, names(job.file?.columns), names(job.dataset?.columns)),
    [rows, job.file?.columns, job.dataset?.columns],
  );
  const canCorrect = canOperate && allowed;
  if (job.errorSummary.length === 0) {
    return (
      <section className="errors" aria-labelledby="errors-title">
        <h2 id="errors-title">Errors</h2>
        <CorrectionNews corrections={corrections} />
        <p className="hint">None is open any more.</p>
      </section>
    );
  }
  return (
    <section className="errors" aria-labelledby="errors-title">
      <h2 id="errors-title">Errors</h2>
      {canOperate && !allowed && job.counts.rejected > 0 && job.kind !== "VALIDATE" && <p className="hint">They can't be corrected here: {reason}</p>}
      <ErrorGroups groups={job.errorSummary} errorFilter={errorFilter} />
      <CorrectionNews corrections={corrections} />
      {canCorrect && <ManyCells rows={rows} columns={columns} column={errorFilter.filter.column?.[0]} corrections={corrections} />}
      {!pages.entries && (pages.error ? <Failure error={pages.error} onRetry={pages.reload} /> : <Loading what="rows" />)}
      {rows.length > 0 && <BadRows rows={rows} columns={columns} corrections={canCorrect ? corrections : null} />}
      {pages.entries && <LoadMore pages={pages} what="errors" />}
      {canCorrect && <CorrectionBar corrections={corrections} columns={columns} />}
      <Spreadsheet job={job} corrections={canCorrect ? corrections : null} />
    </section>
  );
}

function names(columns: { name: string }[] | undefined): string[] {
  return columns?.map(({ name }) => name) ?? [];
}

/** Read the rows anew whenever others have corrected some, or the job has come to its end. */
function useReloadWith({ status, counts }: ShownJob, reload: () => void): void {
  const now = `${status} ${counts.rejected} ${counts.warnings}`;
  const before = useRef(now);
  useEffect(() => {
    if (before.current !== now) reload();
    before.current = now;
  }, [now, reload]);
}
