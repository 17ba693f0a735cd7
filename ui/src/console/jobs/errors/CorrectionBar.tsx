import { useEffect } from "react";
import { Faults } from "../../shared/faults";
import type { Corrections } from "./useCorrections";

/** Stays in sight while there is something to send. */
export function CorrectionBar({ corrections, columns }: { corrections: Corrections; columns: string[] }) {
  const { drafts, isSending, faults } = corrections;
  const cells = [...drafts.values()].reduce((sum, draft) => sum + draft.cells.size, 0);
  useLeaveWarning(drafts.size > 0);
  if (drafts.size === 0) return null;
  return (
    <div className="correction-bar" role="region" aria-label="Corrections">
      <Faults of={faults} />
      <div className="row">
        <strong>{words(cells, drafts.size)}</strong>
        <button type="button" disabled={isSending} onClick={() => void corrections.send(columns)}>
          {isSending ? "Checking…" : "Send corrections"}
        </button>
        <button type="button" className="quiet" disabled={isSending} onClick={corrections.discard}>Discard</button>
      </div>
    </div>
  );
}

function words(cells: number, rows: number): string {
  return `${cells} ${cells === 1 ? "cell" : "cells"} in ${rows} ${rows === 1 ? "row" : "rows"} changed`;
}

/** What was typed and not sent is lost with the page: the browser asks first. */
function useLeaveWarning(isUnsent: boolean): void {
  useEffect(() => {
    if (!isUnsent) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isUnsent]);
}
