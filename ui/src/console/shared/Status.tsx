import { graphql } from "../../graph";

export type JobStatus = ReturnType<typeof graphql.scalar<"JobStatus">>;

const NAMES: Record<JobStatus, string> = {
  QUEUED: "Queued",
  RUNNING: "Running",
  RETRYING: "Retrying",
  SUCCEEDED: "Succeeded",
  PARTIAL: "Partly accepted",
  FAILED: "Failed",
  CANCELED: "Canceled",
};

/** A job's status, in words and in colour. */
export function Status({ status }: { status: JobStatus }) {
  return <span className={`status ${status.toLowerCase()}`}>{NAMES[status]}</span>;
}
