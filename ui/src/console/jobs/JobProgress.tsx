import { Bar } from "../shared/Bar";
import { bytes, count, duration, percent } from "../shared/format";

interface Progress {
  stage: string;
  fraction: number | null;
  rowsRead: number;
  bytesRead: number;
  bytesTotal: number | null;
  rowsPerSecond: number | null;
  etaSeconds: number | null;
  message: string | null;
}

/** How far a running job is: its stage, a bar, and in figures what is known. */
export function JobProgress({ progress, isWhole }: { progress: Progress; isWhole?: boolean }) {
  const { stage, fraction, message } = progress;
  return (
    <div className="job-progress">
      <Bar fraction={fraction} label={`Progress: ${stage}`} />
      <span className="hint">
        {isWhole && <strong className="stage">{stage} </strong>}
        {figures(progress, isWhole ?? false).join(" · ")}
      </span>
      {isWhole && message && <p className="hint">{message}</p>}
    </div>
  );
}

function figures(progress: Progress, isWhole: boolean): string[] {
  const { fraction, rowsRead, rowsPerSecond, etaSeconds, bytesRead, bytesTotal, stage } = progress;
  const known: (string | null)[] = [
    isWhole ? null : stage,
    fraction === null ? null : percent(fraction),
    rowsRead ? `${count(rowsRead)} rows` : null,
    isWhole && bytesTotal ? `${bytes(bytesRead)} of ${bytes(bytesTotal)}` : null,
    rowsPerSecond ? `${count(Math.round(rowsPerSecond))} a second` : null,
    etaSeconds ? `${timeLeft(etaSeconds)} left` : null,
  ];
  return known.filter((each) => each !== null);
}

/** Whole seconds: tenths would flicker. */
function timeLeft(seconds: number): string {
  return seconds < 60 ? `${Math.max(1, Math.round(seconds))} s` : duration(seconds * 1000);
}
