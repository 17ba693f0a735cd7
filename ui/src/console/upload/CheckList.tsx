import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { graphql, type Json, type ResultOf } from "../../graph";
import { Failure, Loading } from "../shared/states";
import { CheckCard } from "./CheckCard";
import type { UploadedFile } from "./FileJourney";
import { labelOf } from "./schema";
import type { ChangePlan, ChosenCheck, Plan, Settings } from "./plan";

const Suggested = graphql(`
  query SuggestedChecks($id: ID!) {
    file(id: $id) { id suggestedChecks { kind severity settings reason } }
    catalog { checks { name summary settings } }
  }
`);

export type Kind = ResultOf<typeof Suggested>["catalog"]["checks"][number];
type Suggestion = NonNullable<ResultOf<typeof Suggested>["file"]>["suggestedChecks"][number];

interface Props {
  file: UploadedFile;
  plan: Plan;
  change: ChangePlan;
}

/** Checks that the file itself suggests, to be ticked and adjusted, and others to add. */
export function CheckList({ file, plan, change }: Props) {
  // What was suggested before is of another reading of the file where the plan has begun anew.
  const requestPolicy = plan.checks === null ? "network-only" : "cache-first";
  const [{ data, error }, read] = useQuery({ query: Suggested, variables: { id: file.id }, requestPolicy });
  const suggestions = data?.file?.suggestedChecks;
  useEffect(() => {
    if (plan.checks === null && suggestions) change({ checks: suggestions.map(chosen) });
  }, [plan.checks, suggestions, change]);
  if (!data) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="suggestions from the file's rows" />;

  const checks = plan.checks ?? [];
  const columns = file.columns.map(({ name }) => name);
  const replace = (next: ChosenCheck) => change({ checks: checks.map((each) => (each.key === next.key ? next : each)) });
  const remove = ({ key }: ChosenCheck) => change({ checks: checks.filter((each) => each.key !== key) });
  const tickAll = (isOn: boolean) => change({ checks: checks.map((each) => ({ ...each, isOn })) });
  return (
    <>
      <div className="all-or-none">
        <p className="hint">
          {suggestions?.length ? "The first rows suggest these checks, and keep them. Tick what must hold for all rows." : "The rows suggest no check by themselves."}
        </p>
        {checks.length > 1 && <button type="button" className="plain" onClick={() => tickAll(true)}>Tick all</button>}
        {checks.length > 1 && <button type="button" className="plain" onClick={() => tickAll(false)}>Tick none</button>}
      </div>
      <ul className="checks">
        {checks.map((check) => (
          <CheckCard key={check.key} check={check} kind={data.catalog.checks.find(({ name }) => name === check.kind)} columns={columns} onChange={replace} onRemove={remove} />
        ))}
      </ul>
      <AddCheck kinds={data.catalog.checks} onAdd={(kind) => change({ checks: [...checks, added(kind)] })} />
    </>
  );
}

function AddCheck({ kinds, onAdd }: { kinds: Kind[]; onAdd: (kind: string) => void }) {
  const [name, setName] = useState("");
  const summary = kinds.find((kind) => kind.name === name)?.summary;
  function add() {
    onAdd(name);
    setName("");
  }
  return (
    <div className="add-check">
      <label className="inline">
        Another check
        <select value={name} onChange={(event) => setName(event.target.value)}>
          <option value="">Choose a kind</option>
          {kinds.map((kind) => <option key={kind.name} value={kind.name}>{labelOf(kind.name)}</option>)}
        </select>
      </label>
      <button type="button" className="quiet" disabled={name === ""} onClick={add}>Add it</button>
      {summary && <p className="hint">{summary}</p>}
    </div>
  );
}

function chosen({ kind, severity, settings, reason }: Suggestion, index: number): ChosenCheck {
  const known: Settings = settingsOf(settings);
  const all = severity === "ERROR" ? known : { ...known, severity };
  return { key: `suggested ${index}`, kind, settings: all, reason, isOn: true };
}

function added(kind: string): ChosenCheck {
  return { key: `added ${Date.now()}`, kind, settings: {}, reason: null, isOn: true };
}

function settingsOf(value: Json): Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
