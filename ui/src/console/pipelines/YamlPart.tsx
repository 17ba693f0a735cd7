import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { CopyText } from "./CopyText";
import { problemsOf } from "./problems";
import { type Pipeline, UpdatePipeline } from "./queries";
import { YamlEditor } from "./YamlEditor";

/** All of a pipeline as YAML, to read, to copy, and to change. */
export function YamlPart({ pipeline, canOperate }: { pipeline: Pipeline; canOperate: boolean }) {
  const [isEditing, setEditing] = useState(false);
  const [said, setSaid] = useState("");

  function done(version: number) {
    setSaid(version === pipeline.version ? `It says what version ${version} says: no new version was made.` : `Saved as version ${version}.`);
    setEditing(false);
  }

  if (isEditing) return <Edit pipeline={pipeline} onDone={done} onLeave={() => setEditing(false)} />;
  return (
    <>
      <div className="row yaml-tools">
        {canOperate && <button type="button" onClick={() => setEditing(true)}>Edit</button>}
        <CopyText text={pipeline.yaml} />
        <p role="status">{said}</p>
      </div>
      <pre className="panel code" tabIndex={0} role="region" aria-label={`YAML of ${pipeline.name}`}>{pipeline.yaml}</pre>
    </>
  );
}

interface EditProps {
  pipeline: Pipeline;
  onDone: (version: number) => void;
  onLeave: () => void;
}

function Edit({ pipeline: { name, version, yaml: before }, onDone, onLeave }: EditProps) {
  // What it was when the editing began: another's change meanwhile is not written over.
  const [expectedVersion] = useState(version);
  const [yaml, setYaml] = useState(before);
  const [comment, setComment] = useState("");
  const [faults, setFaults] = useState<Fault[]>([]);
  const [{ fetching }, update] = useMutation(UpdatePipeline);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const result = await update({ input: { name, yaml, comment: comment || null, expectedVersion } });
    const changed = result.data?.updatePipeline.pipeline;
    setFaults(faultsOf(result, result.data?.updatePipeline.errors));
    if (changed) onDone(changed.version);
  }

  const isOfYaml = ({ path }: Fault) => path?.[1] === "yaml";
  return (
    <form onSubmit={(event) => void submit(event)}>
      <YamlEditor label="Spec" value={yaml} onChange={setYaml} problems={problemsOf(faults.filter(isOfYaml), yaml)} />
      <label className="comment">
        What is new in it
        <input value={comment} maxLength={2000} onChange={(event) => setComment(event.target.value)} />
      </label>
      <Faults of={faults.filter((fault) => !isOfYaml(fault))} />
      <div className="row">
        <button type="submit" disabled={fetching}>{fetching ? "Saving…" : "Save as a new version"}</button>
        <button type="button" className="quiet" onClick={onLeave}>Go back</button>
      </div>
    </form>
  );
}
