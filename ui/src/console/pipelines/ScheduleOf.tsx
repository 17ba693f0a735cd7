import { Link } from "wouter";
import { moment } from "../shared/format";
import { Since } from "../shared/Since";
import type { Pipeline } from "./queries";

const OVERLAPS = {
  SKIP: "a time that comes while a job is at work is left out",
  QUEUE: "a job that comes while another is at work waits for it",
  CANCEL_RUNNING: "a job that comes stops one that is at work",
} as const;

/** When it runs by itself. */
export function ScheduleOf({ pipeline: { schedule, enabled }, canOperate }: { pipeline: Pipeline; canOperate: boolean }) {
  return (
    <section aria-labelledby="schedule">
      <h2 id="schedule">Schedule</h2>
      {schedule ? (
        <p>
          <code>{schedule.cron}</code> on the clocks of {schedule.timezone}; {OVERLAPS[schedule.overlap]}.{" "}
          {schedule.nextRunAt && <>Next <strong>{moment(schedule.nextRunAt)}</strong>, <Since at={schedule.nextRunAt} />.</>}
          {!enabled && "It is paused: nothing starts."}
        </p>
      ) : (
        <p>It runs when somebody runs it.</p>
      )}
      {canOperate && <p className="hint">The schedule is part of the <Link href="?view=yaml">YAML</Link>, as in <code>{'schedule: {cron: "0 6 * * *", timezone: Europe/Berlin}'}</code>.</p>}
    </section>
  );
}
