import { type FormEvent, useRef, useState } from "react";
import { useMutation, useQuery } from "urql";
import { useLocation } from "wouter";
import { graphql } from "../../graph";
import { count } from "../shared/format";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { useViewer } from "../shared/viewer";
import type { UploadedFile } from "./FileJourney";
import { newKey } from "./newKey";
import { type ChangePlan, checksOf, destinationOf, type Plan } from "./plan";
import type { Step } from "./Steps";
import { placed } from "./ValidationPreview";

const Ingest = graphql(`
  mutation IngestFile($input: IngestInput!) {
    ingest(input: $input) { job { id status } replayed errors { code message path } }
  }
`);
const Datasets = graphql(`
  query DatasetNames { datasets(first: 200) { edges { node { id name version rowCount } } } }
`);

interface Props {
  file: UploadedFile;
  plan: Plan;
  change: ChangePlan;
  onStep: (step: Step) => void;
}

/** The last step: where the good rows go, what becomes of the bad ones, and go. */
export function IngestStep({ file, plan, change, onStep }: Props) {
  const { role, canOperate } = useViewer();
  const { faults, isBusy, ingest } = useIngest(file, plan);
  function submit(event: FormEvent) {
    event.preventDefault();
    void ingest();
  }
  if (role && !canOperate) return <p className="notice">To ingest a file takes the role of an operator. You may check it in the step before.</p>;
  return (
    <form className="ingest" onSubmit={submit}>
      <h2>Where the rows go</h2>
      <Through plan={plan} onStep={onStep} />
      <Destination file={file} plan={plan} change={change} />
      {plan.rulesFrom === "checks" && <Acceptance plan={plan} change={change} />}
      <label className="inline">
        Priority
        <select value={plan.priority} onChange={(event) => change({ priority: event.target.value as Plan["priority"] })}>
          <option value="HIGH">Before all others</option><option value="MEDIUM">The usual</option><option value="LOW">When nothing else waits</option>
        </select>
      </label>
      <Faults of={faults} />
      <p className="row"><button type="submit" disabled={isBusy}>{isBusy ? "Starting…" : "Ingest the file"}</button></p>
    </form>
  );
}

function useIngest(file: UploadedFile, plan: Plan) {
  const [{ fetching }, start] = useMutation(Ingest);
  const [, navigate] = useLocation();
  const [faults, setFaults] = useState<Fault[]>([]);
  /** The same request goes under the same key until it was answered: what is sent twice starts one job. */
  const sent = useRef({ request: "", key: "" });

  async function ingest() {
    const wanted = { data: { file: file.id }, ...destinationOf(plan) };
    const request = JSON.stringify(wanted);
    if (sent.current.request !== request) sent.current = { request, key: newKey() };
    const result = await start({ input: { ...wanted, idempotencyKey: sent.current.key } });
    setFaults(faultsOf(result, result.data?.ingest.errors).map((fault) => placed(fault, plan)));
    const job = result.data?.ingest.job;
    if (!job) return;
    sent.current = { request: "", key: "" };
    navigate(`/jobs/${job.id}`);
  }
  return { faults, isBusy: fetching, ingest };
}

/** What the rows go through, and the way back to change it. */
function Through({ plan, onStep }: { plan: Plan; onStep: (step: Step) => void }) {
  const checks = checksOf(plan).length;
  const says = {
    checks: `${count(checks)} ${checks === 1 ? "check" : "checks"}${plan.isContract ? " and the types of the columns" : ""}`,
    pipeline: `the pipeline ${plan.pipeline || "(not chosen)"}`,
    template: `the template ${plan.template || "(not chosen)"}`,
  }[plan.rulesFrom];
  return <p>They go through {says}. <button type="button" className="plain" onClick={() => onStep("checks")}>Change that</button></p>;
}

function Destination({ file, plan, change }: { file: UploadedFile; plan: Plan; change: ChangePlan }) {
  const [{ data }] = useQuery({ query: Datasets });
  const known = data?.datasets.edges.map((edge) => edge.node) ?? [];
  const existing = known.find(({ name }) => name === plan.dataset.trim());
  const isOptional = plan.rulesFrom !== "checks";
  return (
    <>
      <label className="dataset">
        Dataset
        <input aria-describedby="dataset-hint" list="datasets" value={plan.dataset} required={!isOptional} maxLength={128} placeholder={isOptional ? "As it says itself" : "A new name, or one that is there"} autoComplete="off" spellCheck={false} onChange={(event) => change({ dataset: event.target.value })} />
        <datalist id="datasets">{known.map(({ id, name }) => <option key={id} value={name} />)}</datalist>
      </label>
      <p className="hint" id="dataset-hint">{explain(plan.dataset, existing)}</p>
      <Mode plan={plan} change={change} isNew={existing === undefined} />
      {plan.mode === "UPSERT" && <Keys file={file} plan={plan} change={change} />}
    </>
  );
}

function explain(name: string, existing: { rowCount: number } | undefined): string {
  if (existing) return `It is there, with ${count(existing.rowCount)} rows.`;
  return name.trim() === "" ? "A letter, then letters, digits, dots, hyphens and underscores." : "It will be made.";
}

function Mode({ plan, change, isNew }: { plan: Plan; change: ChangePlan; isNew: boolean }) {
  const modes: { mode: Plan["mode"]; name: string }[] = isNew
    ? [
        { mode: "APPEND", name: "Take all of them" },
        { mode: "UPSERT", name: "Of rows with the same keys, take the last" },
      ]
    : [
        { mode: "APPEND", name: "Add them behind the rows that are there" },
        { mode: "UPSERT", name: "Put them in place of the rows with the same keys, and add the others" },
        { mode: "REPLACE", name: "Put them in place of all rows that are there" },
      ];
  const chosen = isNew && plan.mode === "REPLACE" ? "APPEND" : plan.mode;
  return (
    <fieldset className="choices stacked">
      <legend>How the rows go in</legend>
      {modes.map(({ mode, name }) => (
        <label key={mode} className="tick">
          <input type="radio" name="mode" checked={chosen === mode} onChange={() => change({ mode })} />{name}
        </label>
      ))}
    </fieldset>
  );
}

function Keys({ file, plan, change }: { file: UploadedFile; plan: Plan; change: ChangePlan }) {
  const toggle = (name: string, isOn: boolean) =>
    change({ keys: file.columns.map((column) => column.name).filter((each) => (each === name ? isOn : plan.keys.includes(each))) });
  return (
    <fieldset className="column-ticks">
      <legend>Keys: the columns that tell rows apart</legend>
      <div className="ticks">
        {file.columns.map(({ name }) => (
          <label key={name} className="tick">
            <input type="checkbox" checked={plan.keys.includes(name)} onChange={(event) => toggle(name, event.target.checked)} />{name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Acceptance({ plan, change }: { plan: Plan; change: ChangePlan }) {
  return (
    <fieldset className="choices stacked">
      <legend>What happens to bad rows</legend>
      <Policy plan={plan} change={change} policy="REJECT_ROWS" name="They are rejected one by one, and the others ingested" />
      {plan.onInvalid === "REJECT_ROWS" && (
        <div className="limits row">
          <label>Fail at more bad rows than<input type="number" min={0} step={1} value={plan.maxRejectedRows} placeholder="no limit" onChange={(event) => change({ maxRejectedRows: event.target.value })} /></label>
          <label>or at more percent than<input type="number" min={0} max={100} step="any" value={plan.maxRejectedPercent} placeholder="no limit" onChange={(event) => change({ maxRejectedPercent: event.target.value })} /></label>
        </div>
      )}
      <Policy plan={plan} change={change} policy="REJECT_ALL" name="One is enough to fail, and nothing is ingested" />
      <Policy plan={plan} change={change} policy="WARN" name="Rows that break a check are ingested with a warning" />
    </fieldset>
  );
}

function Policy({ plan, change, policy, name }: { plan: Plan; change: ChangePlan; policy: Plan["onInvalid"]; name: string }) {
  return (
    <label className="tick">
      <input type="radio" name="acceptance" checked={plan.onInvalid === policy} onChange={() => change({ onInvalid: policy })} />{name}
    </label>
  );
}
