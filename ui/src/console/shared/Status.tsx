import { graphql } from "../../graph";

export type JobStatus = ReturnType<typeof graphql.scalar<"JobStatus">>;

/** What people call them. */
export const STATUS_NAMES: Record<JobStatus, string> = {
  QUEUED: "Queued",
  RUNNING: "Running",
  RETRYING: "Retrying",
  SUCCEEDED: "Succeeded",
  PARTIAL: "Partly accepted",
  FAILED: "Failed",
  CANCELED: "Canceled",
};

/** Whether a job has ended: of its own accord nothing happens to it any more. */
export function hasEnded(status: JobStatus): boolean {
  return status !== "QUEUED" && status !== "RUNNING" && status !== "RETRYING";
}

/** A job's status, in words and in colour. */
export function Status({ status }: { status: JobStatus }) {
  return <span className={`status ${status.toLowerCase()}`}>{STATUS_NAMES[status]}</span>;
}
