import { type ReactNode, useId, useState } from "react";
import type { Json } from "../../graph";
import type { Settings } from "./plan";
import { isNumberLike, type Property, propertiesOf, scalarOf } from "./schema";

interface Props {
  /** The kind's JSON Schema. */
  schema: Json;
  settings: Settings;
  /** Names of the file's columns. */
  columns: string[];
  onChange: (settings: Settings) => void;
}

/** The settings of any kind of check: a field for each property of its schema. */
export function SettingsForm({ schema, settings, columns, onChange }: Props) {
  function set(name: string, value: Json | undefined) {
    const { [name]: _before, ...others } = settings;
    onChange(value === undefined ? others : { ...others, [name]: value });
  }
  const { own, common } = propertiesOf(schema);
  const field = (property: Property) => (
    <Field key={property.name} property={property} value={settings[property.name]} columns={columns} onChange={(value) => set(property.name, value)} />
  );
  return (
    <div className="settings">
      {own.map(field)}
      <details><summary>Severity and limits</summary><div className="settings">{common.map(field)}</div></details>
    </div>
  );
}

interface FieldProps {
  property: Property;
  value: Json | undefined;
  columns: string[];
  onChange: (value: Json | undefined) => void;
}

function Field(props: FieldProps) {
  const { property, value, columns, onChange } = props;
  if (property.name === "columns") return <ColumnTicks {...props} />;
  if (property.name === "column") return <Choice {...props} options={columns} />;
  if (property.options) return <Choice {...props} options={property.options} />;
  if (property.types.includes("boolean")) {
    return (
      <Explained text={property.description}>
        {(id) => (
          <label className="tick">
            <input type="checkbox" aria-describedby={id} checked={(value ?? property.default) === true} onChange={(event) => onChange(event.target.checked)} />
            {property.label}
          </label>
        )}
      </Explained>
    );
  }
  if (property.types.includes("array")) return <Lines {...props} />;
  return <TextField {...props} />;
}

function TextField({ property, value, onChange }: FieldProps) {
  const [text, setText] = useState(value === undefined || value === null ? "" : String(value));
  const isNumber = isNumberLike(property.types);
  function change(next: string) {
    setText(next);
    if (next === "") onChange(undefined);
    else if (isNumber) onChange(Number(next));
    else onChange(property.types.includes("number") ? scalarOf(next) : next);
  }
  return (
    <Explained text={property.description}>
      {(id) => (
        <label>
          {property.label}
          <input type={isNumber ? "number" : "text"} step="any" aria-describedby={id} value={text} required={property.isRequired} onChange={(event) => change(event.target.value)} />
        </label>
      )}
    </Explained>
  );
}

function Choice({ property, value, options, onChange }: FieldProps & { options: string[] }) {
  return (
    <Explained text={property.description}>
      {(id) => (
        <label>
          {property.label}
          <select aria-describedby={id} value={String(value ?? property.default ?? "")} onChange={(event) => onChange(event.target.value || undefined)}>
            {!property.default && <option value="">{property.isRequired ? "Choose one" : "Any"}</option>}
            {options.map((option) => <option key={option}>{option}</option>)}
          </select>
        </label>
      )}
    </Explained>
  );
}

/** A list of values, one on each line. */
function Lines({ property, value, onChange }: FieldProps) {
  const [text, setText] = useState(Array.isArray(value) ? value.map(String).join("\n") : "");
  function change(next: string) {
    setText(next);
    const lines = next.split("\n").filter((line) => line !== "");
    onChange(lines.length > 0 ? lines.map((line) => (property.takesNumbers ? scalarOf(line) : line)) : undefined);
  }
  return (
    <Explained text={property.description}>
      {(id) => (
        <label>
          {property.label}, one on each line
          <textarea rows={4} aria-describedby={id} value={text} onChange={(event) => change(event.target.value)} />
        </label>
      )}
    </Explained>
  );
}

function ColumnTicks({ property, value, columns, onChange }: FieldProps) {
  const id = useId();
  const ticked = Array.isArray(value) ? value : [];
  const toggle = (name: string, isOn: boolean) => onChange(columns.filter((each) => (each === name ? isOn : ticked.includes(each))));
  return (
    <fieldset className="column-ticks" aria-describedby={id}>
      <legend>{property.label}</legend>
      <small className="hint" id={id}>{property.description}</small>
      <div className="ticks">
        {columns.map((name) => (
          <label key={name} className="tick">
            <input type="checkbox" checked={ticked.includes(name)} onChange={(event) => toggle(name, event.target.checked)} />{name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A field with the words that explain it, which are no part of its name. */
function Explained({ text, children }: { text: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return <div className="field">{children(id)}<small className="hint" id={id}>{text}</small></div>;
}
