import { type FormEvent, useState } from "react";
import { useMutation, useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { describe } from "../shared/states";
import { EXAMPLE } from "./example";
import { problemsOf } from "./problems";
import { CreatePipeline, TemplatesQuery } from "./queries";
import { YamlEditor } from "./YamlEditor";

type Way = "yaml" | "template";

/** Makes a pipeline of YAML, which is an example at first, or of a template. */
export function NewPipeline() {
  const [way, setWay] = useState<Way>("yaml");
  const [name, setName] = useState("");
  const [yaml, setYaml] = useState(EXAMPLE);
  const [template, setTemplate] = useState("");
  const [faults, setFaults] = useState<Fault[]>([]);
  const [{ fetching }, create] = useMutation(CreatePipeline);
  const [, go] = useLocation();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const result = await create({ input: way === "yaml" ? { name, yaml } : { name, template } });
    const made = result.data?.createPipeline.pipeline;
    setFaults(faultsOf(result, result.data?.createPipeline.errors));
    if (made) go(`/pipelines/${encodeURIComponent(made.name)}`);
  }

  const isOfYaml = ({ path, code }: Fault) => path?.[1] === "yaml" || (way === "yaml" && code !== "" && path?.[1] !== "name");
  return (
    <>
      <h1>New pipeline</h1>
      <form className="new-pipeline" onSubmit={(event) => void submit(event)}>
        <label>
          Name
          <input value={name} required autoFocus maxLength={128} onChange={(event) => setName(event.target.value)} />
        </label>
        <Faults of={faults.filter((fault) => !isOfYaml(fault))} />
        <fieldset>
          <legend>What it does</legend>
          <div className="row">
            <Choice way="yaml" chosen={way} onChoose={setWay}>YAML, with an example to begin with</Choice>
            <Choice way="template" chosen={way} onChoose={setWay}>A template, as it is</Choice>
          </div>
        </fieldset>
        {way === "yaml" ? (
          <YamlEditor label="Spec" value={yaml} onChange={setYaml} problems={problemsOf(faults.filter(isOfYaml), yaml)} />
        ) : (
          <Templates chosen={template} onChoose={setTemplate} />
        )}
        <div className="row">
          <button type="submit" disabled={fetching}>{fetching ? "Making it…" : "Make the pipeline"}</button>
          <Link href="/pipelines" className="button quiet">Back</Link>
        </div>
      </form>
    </>
  );
}

interface ChoiceProps {
  way: Way;
  chosen: Way;
  onChoose: (way: Way) => void;
  children: string;
}

function Choice({ way, chosen, onChoose, children }: ChoiceProps) {
  return (
    <label className="choice">
      <input type="radio" name="way" checked={way === chosen} onChange={() => onChoose(way)} /> {children}
    </label>
  );
}

function Templates({ chosen, onChoose }: { chosen: string; onChoose: (name: string) => void }) {
  const [{ data, error }] = useQuery({ query: TemplatesQuery, requestPolicy: "cache-first" });
  if (error) return <p className="fault" role="alert">{describe(error)}</p>;
  return (
    <>
      <fieldset className="templates">
        <legend>Template</legend>
        {data?.catalog.templates.map(({ name, summary }) => (
          <label key={name} className="choice">
            <input type="radio" name="template" required checked={name === chosen} onChange={() => onChoose(name)} />
            <span><strong>{name}</strong> <span className="hint">{summary}</span></span>
          </label>
        )) ?? <p className="hint">Loading templates…</p>}
      </fieldset>
      <p className="hint">A template has no source of its own: run it on a file, or give it a source in its YAML later.</p>
    </>
  );
}
