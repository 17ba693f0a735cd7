import { useState } from "react";
import type { Json } from "../../graph";
import type { Kind } from "./CheckList";
import type { ChosenCheck } from "./plan";
import { labelOf } from "./schema";
import { SettingsForm } from "./SettingsForm";

interface Props {
  check: ChosenCheck;
  kind: Kind | undefined;
  columns: string[];
  onChange: (check: ChosenCheck) => void;
  onRemove: (check: ChosenCheck) => void;
}

/** One check: whether it holds, why it was suggested, and what it says. */
export function CheckCard({ check, kind, columns, onChange, onRemove }: Props) {
  const [isOpen, setOpen] = useState(check.reason === null && Object.keys(check.settings).length === 0);
  const title = titleOf(check);
  return (
    <li className={check.isOn ? "check" : "check off"}>
      <div className="check-head">
        <label className="tick">
          <input type="checkbox" checked={check.isOn} onChange={(event) => onChange({ ...check, isOn: event.target.checked })} />
          <span><strong>{labelOf(check.kind)}</strong> {columnsOf(check).map((name) => <code key={name}>{name}</code>)}</span>
        </label>
        <span className="row">
          <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? "Done" : "Adjust"}<span className="unseen"> {title}</span>
          </button>
          {check.reason === null && (
            <button type="button" className="quiet" onClick={() => onRemove(check)}>Remove<span className="unseen"> {title}</span></button>
          )}
        </span>
      </div>
      <p className="says">{[restOf(check), check.reason].filter(Boolean).join(" — ")}</p>
      {isOpen && kind && (
        <SettingsForm schema={kind.settings} settings={check.settings} columns={columns} onChange={(settings) => onChange({ ...check, settings })} />
      )}
    </li>
  );
}

/** A check in a few words, such as Range of age. */
export function titleOf(check: ChosenCheck): string {
  return [labelOf(check.kind), columnsOf(check).join(", ")].filter(Boolean).join(" of ");
}

function columnsOf({ settings: { columns, column } }: ChosenCheck): string[] {
  if (Array.isArray(columns)) return columns.map(String);
  return typeof column === "string" ? [column] : [];
}

function restOf({ settings }: ChosenCheck): string {
  const rest = Object.entries(settings).filter(([name]) => name !== "columns" && name !== "column");
  return rest.map(([name, value]) => `${labelOf(name)}: ${shown(value)}`).join(" · ");
}

function shown(value: Json): string {
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
