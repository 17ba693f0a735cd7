import { useState } from "react";
import { useMutation } from "urql";
import { graphql } from "../../graph";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { titleOf } from "./CheckCard";
import type { UploadedFile } from "./FileJourney";
import { type Plan, rulesOf } from "./plan";
import { ValidationJob } from "./ValidationJob";

const Validate = graphql(`
  mutation PreviewValidation($input: ValidateInput!) {
    validate(input: $input) { job { id status } errors { code message path } }
  }
`);

/** Less than what a person takes for slow; the rest is told by the feed. */
const WAIT_S = 1;

/** Holds the file against the rules as they are now, and ingests nothing. */
export function ValidationPreview({ file, plan }: { file: UploadedFile; plan: Plan }) {
  const [{ fetching }, validate] = useMutation(Validate);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [checked, setChecked] = useState<{ jobId: string; rules: string } | null>(null);
  const rules = JSON.stringify(rulesOf(plan));
  const isNamed = plan.rulesFrom === "checks" || plan[plan.rulesFrom] !== "";

  async function check() {
    const input = { data: { file: file.id }, ...rulesOf(plan), waitSeconds: WAIT_S };
    const result = await validate({ input });
    setFaults(faultsOf(result, result.data?.validate.errors).map((fault) => placed(fault, plan)));
    const job = result.data?.validate.job;
    setChecked(job ? { jobId: job.id, rules } : null);
  }

  return (
    <section className="preview" aria-labelledby="preview">
      <h2 id="preview">Try it before anything is ingested</h2>
      <p className="row">
        <button type="button" className="quiet" disabled={fetching || !isNamed} onClick={() => void check()}>
          {fetching ? "Checking…" : checked ? "Check the file again" : "Check the file"}
        </button>
        <span className="hint">All rows are held against these rules, and nothing is kept but what is wrong.</span>
      </p>
      <Faults of={faults} />
      {checked && checked.rules !== rules && <p className="notice">The rules have changed since: this is what the ones before found.</p>}
      {checked && <ValidationJob key={checked.jobId} id={checked.jobId} columns={file.columns.map(({ name }) => name)} />}
    </section>
  );
}

/** Say which of the checks a fault is in, by its name in place of its number. */
export function placed(fault: Fault, plan: Plan): Fault {
  const at = fault.path?.indexOf("checks") ?? -1;
  const number = at < 0 ? NaN : Number(fault.path?.[at + 1]);
  const check = (plan.checks ?? []).filter(({ isOn }) => isOn)[number];
  return check ? { ...fault, message: `${titleOf(check)}: ${fault.message}` } : fault;
}
