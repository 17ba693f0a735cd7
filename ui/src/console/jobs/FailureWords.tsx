import { CopyId } from "../shared/CopyId";
import type { ShownJob } from "./jobQuery";

type JobFailure = NonNullable<ShownJob["failure"]>;

const TITLES: Record<JobFailure["category"], string> = {
  DATA: "The data was not accepted",
  CONFIG: "The job's settings don't fit",
  SYSTEM: "Something went wrong on the server",
  DEPENDENCY: "Another system failed",
};

const ADVICE: Record<JobFailure["category"], string> = {
  DATA: "Correct the data, here or where it comes from, and send it again.",
  CONFIG: "Change the pipeline, or what the job was started with, and start it again: the same settings would fail again.",
  SYSTEM: "Try it again. If it fails again, tell whoever runs this server, with the id of the job:",
  DEPENDENCY: "See whether that system works, and try the job again then.",
};

/** Why the job failed as a whole, and what to do about it. */
export function FailureWords({ failure, jobId }: { failure: JobFailure; jobId: string }) {
  const { category, code, details, message, step } = failure;
  return (
    <section className="job-failure" aria-labelledby="failure-title">
      <h2 id="failure-title">{TITLES[category]}</h2>
      <p className="said">{message}</p>
      <p>
        {ADVICE[category]} {category === "SYSTEM" && <CopyId id={jobId} />}
        {failure.retryable && category !== "SYSTEM" && " It may succeed as it is."}
      </p>
      <p className="hint">
        <code>{code}</code>{step && <> in <code>{step}</code></>}
      </p>
      {details !== null && (
        <details>
          <summary>More about it</summary>
          <pre className="job-json">{JSON.stringify(details, null, 2)}</pre>
        </details>
      )}
    </section>
  );
}
