import { type ChangeEvent, useState } from "react";
import { useClient, useMutation } from "urql";
import { useLocation } from "wouter";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { DeletePipeline } from "./DeletePipeline";
import { fields } from "./parts";
import { type Pipeline, RunPipeline, UpdatePipeline, UploadForRun } from "./queries";

/** Without it the server takes no multipart request: another site's form could send one. */
const UPLOAD_HEADERS = { "GraphQL-Require-Preflight": "1" };

/** What an operator can do with a pipeline: run it, pause it, delete it. */
export function Controls({ pipeline }: { pipeline: Pipeline }) {
  const [faults, setFaults] = useState<Fault[]>([]);
  return (
    <>
      <div className="row controls">
        {pipeline.enabled && <Run pipeline={pipeline} onFaults={setFaults} />}
        <Pause pipeline={pipeline} onFaults={setFaults} />
        <DeletePipeline name={pipeline.name} />
      </div>
      <Faults of={faults} />
    </>
  );
}

interface Props {
  pipeline: Pipeline;
  onFaults: (faults: Fault[]) => void;
}

/** Runs it on its own source, where it has one, or on a file; then shows the job. */
function Run({ pipeline: { name, spec }, onFaults }: Props) {
  const client = useClient();
  const [, go] = useLocation();
  const [isBusy, setBusy] = useState(false);

  async function run(file: string | null) {
    const result = await client.mutation(RunPipeline, { input: { name, data: file === null ? null : { file } } });
    const job = result.data?.runPipeline.job;
    onFaults(faultsOf(result, result.data?.runPipeline.errors));
    if (job) go(`/jobs/${job.id}`);
  }

  async function runOn(file: File) {
    const result = await client.mutation(UploadForRun, { file }, { fetchOptions: { headers: UPLOAD_HEADERS } });
    const sent = result.data?.upload.file;
    onFaults(faultsOf(result, result.data?.upload.errors));
    if (sent) await run(sent.id);
  }

  async function busily(work: Promise<void>) {
    setBusy(true);
    await work;
    setBusy(false);
  }

  function choose({ target }: ChangeEvent<HTMLInputElement>) {
    const file = target.files?.[0];
    target.value = "";
    if (file) void busily(runOn(file));
  }

  return (
    <>
      {fields(spec).source !== undefined && (
        <button type="button" disabled={isBusy} onClick={() => void busily(run(null))}>Run now</button>
      )}
      <label className="button quiet file-button">
        {isBusy ? "Starting…" : "Run on a file"}
        <input type="file" className="unseen" disabled={isBusy} onChange={choose} />
      </label>
    </>
  );
}

/** One that is paused is not run, and its schedule starts nothing. */
function Pause({ pipeline: { name, enabled }, onFaults }: Props) {
  const [{ fetching }, update] = useMutation(UpdatePipeline);

  async function turn() {
    const result = await update({ input: { name, enabled: !enabled } });
    onFaults(faultsOf(result, result.data?.updatePipeline.errors));
  }

  return <button type="button" className="quiet" disabled={fetching} onClick={() => void turn()}>{enabled ? "Pause" : "Resume"}</button>;
}
