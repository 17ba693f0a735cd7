import { type FormEvent, useId, useState } from "react";
import { useQuery } from "urql";
import { useLocation } from "wouter";
import { graphql } from "../../graph";
import type { FilterName, Filters } from "./filter";
import { KIND_NAMES } from "./words";

const Names = graphql(`
  query FilterNames {
    datasets(first: 200) { edges { node { id name } } }
    pipelines(first: 200) { edges { node { id name } } }
  }
`);

/** What the rest of a filter is called that only links set. */
const LINKED = { file: "file", parent: "batch", createdBy: "user" } as const;

/** Narrows the list by what jobs do, what they are of and when they came; by id it goes to the job itself. */
export function JobFilters({ filters }: { filters: Filters }) {
  const { given, set, clear } = filters;
  const [{ data }] = useQuery({ query: Names, requestPolicy: "cache-and-network" });
  const [isOpen, setOpen] = useState(() => given.size > 0 || matchMedia("(min-width: 40rem)").matches);
  const names = (edges: { node: { name: string } }[] | undefined) => edges?.map(({ node }) => node.name) ?? [];
  return (
    <details className="job-filters" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Filter</summary>
      <div>
        <label>
          What
          <select value={given.get("kind") ?? ""} onChange={(event) => set("kind", event.target.value)}>
            <option value="">Everything</option>
            {Object.entries(KIND_NAMES).map(([kind, name]) => <option key={kind} value={kind}>{name}</option>)}
          </select>
        </label>
        <NameField label="Dataset" name="dataset" filters={filters} options={names(data?.datasets.edges)} />
        <NameField label="Pipeline" name="pipeline" filters={filters} options={names(data?.pipelines.edges)} />
        <label>From<input type="date" value={given.get("from") ?? ""} onChange={(event) => set("from", event.target.value)} /></label>
        <label>Until<input type="date" value={given.get("until") ?? ""} onChange={(event) => set("until", event.target.value)} /></label>
        <IdField />
        <div className="row">
          {Object.entries(LINKED).map(([name, word]) => given.has(name) && (
            <button key={name} type="button" className="quiet" onClick={() => set(name as FilterName, null)}>
              Of one {word} <span aria-hidden="true">×</span><span className="unseen">: show those of all</span>
            </button>
          ))}
          {given.size > 0 && <button type="button" className="quiet" onClick={clear}>Clear the filter</button>}
        </div>
      </div>
    </details>
  );
}

interface NameProps {
  label: string;
  name: "dataset" | "pipeline";
  filters: Filters;
  options: string[];
}

/** A whole name, typed or picked; it counts once it is one, or the field is left. */
function NameField({ label, name, filters, options }: NameProps) {
  const listId = useId();
  const value = filters.given.get(name) ?? "";
  const [draft, setDraft] = useState({ of: value, text: value });
  const text = draft.of === value ? draft.text : value;
  const take = (wanted: string) => wanted !== value && filters.set(name, wanted);
  return (
    <label>
      {label}
      <input
        list={listId}
        value={text}
        placeholder="Any"
        autoComplete="off"
        onChange={({ target }) => {
          setDraft({ of: value, text: target.value });
          if (target.value === "" || options.includes(target.value)) take(target.value);
        }}
        onBlur={() => take(text.trim())}
        onKeyDown={(event) => event.key === "Enter" && take(text.trim())}
      />
      <datalist id={listId}>{options.map((option) => <option key={option} value={option} />)}</datalist>
    </label>
  );
}

function IdField() {
  const [, navigate] = useLocation();
  const [fault, setFault] = useState("");
  const faultId = useId();

  function go(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const id = String(new FormData(event.currentTarget).get("id")).trim();
    if (/^job_[0-9a-z]+$/.test(id)) navigate(`/jobs/${id}`);
    else setFault(id && "A job's id begins with job_ and is given whole.");
  }

  return (
    <form onSubmit={go}>
      <label>
        Go to a job
        <input name="id" placeholder="job_…" autoComplete="off" spellCheck={false} aria-describedby={faultId} onChange={() => setFault("")} />
      </label>
      <p id={faultId} role="alert" className="fault">{fault}</p>
    </form>
  );
}
