import { count } from "../shared/format";
import { Parts } from "../shared/Parts";
import type { ShownJob } from "./jobQuery";
import type { JobKind } from "./words";

/** What became of a job's rows: those read are accepted, rejected, left out or merged, each of them one of these. */
export function RowsBar({ counts, kind }: { counts: ShownJob["counts"]; kind: JobKind }) {
  if (counts.read === 0) return null;
  const isCheck = kind === "VALIDATE";
  const what = kind === "MAPPING" ? "items" : "rows";
  return (
    <section className="panel" aria-label={`What became of the ${what}`}>
      <Parts
        whole={counts.read}
        name={`${what} read`}
        parts={[
          { name: isCheck ? "good" : "accepted", count: counts.accepted, tone: "good" },
          { name: isCheck ? "bad" : "rejected", count: counts.rejected, tone: "bad" },
          { name: "left out on purpose", count: counts.filtered, tone: "soft" },
          { name: "replaced by later rows with the same keys", count: counts.merged, tone: "busy" },
        ]}
      />
      {counts.warnings > 0 && <p className="hint warnings">{counts.warnings === 1 ? "1 warning" : `${count(counts.warnings)} warnings`}, which kept no row out.</p>}
    </section>
  );
}
