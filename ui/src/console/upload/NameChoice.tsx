import { useQuery } from "urql";
import { graphql } from "../../graph";
import { Failure, Loading } from "../shared/states";
import type { ChangePlan, Plan } from "./plan";

const Names = graphql(`
  query PipelinesAndTemplates {
    pipelines(first: 200) { edges { node { id name description } } }
    catalog { templates { name summary } }
  }
`);

interface Named {
  name: string;
  about: string;
}

/** Which pipeline or template the file goes through. */
export function NameChoice({ plan, change }: { plan: Plan; change: ChangePlan }) {
  const [{ data, error }, read] = useQuery({ query: Names });
  if (!data) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="pipelines and templates" />;
  const pipelines = data.pipelines.edges.map(({ node }) => ({ name: node.name, about: node.description ?? "" }));
  const templates = data.catalog.templates.map(({ name, summary }) => ({ name, about: summary }));
  return plan.rulesFrom === "pipeline" ? (
    <OneOf label="Pipeline" named={pipelines} value={plan.pipeline} onChange={(pipeline) => change({ pipeline })} />
  ) : (
    <OneOf label="Template" named={templates} value={plan.template} onChange={(template) => change({ template })} />
  );
}

function OneOf({ label, named, value, onChange }: { label: string; named: Named[]; value: string; onChange: (name: string) => void }) {
  if (named.length === 0) return <p className="hint">There is no {label.toLowerCase()} yet.</p>;
  return (
    <div className="name-choice">
      <label>
        {label}
        <select value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">Choose one</option>
          {named.map(({ name }) => <option key={name}>{name}</option>)}
        </select>
      </label>
      <p className="hint">{named.find(({ name }) => name === value)?.about}</p>
    </div>
  );
}
