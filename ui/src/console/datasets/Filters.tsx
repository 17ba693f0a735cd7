import { type FormEvent, useState } from "react";
import { type Condition, type ColumnType, nameOf, type Operator, operatorsOf, sentence, valueOf } from "./conditions";
import type { Column } from "./queries";

interface Props {
  columns: readonly Column[];
  conditions: readonly Condition[];
  onChange: (conditions: Condition[]) => void;
}

/** The conditions that rows must all meet, and a form that adds one. */
export function Filters({ columns, conditions, onChange }: Props) {
  return (
    <section aria-label="Filter" className="filters">
      <AddCondition columns={columns} onAdd={(added) => onChange([...conditions, added])} />
      {conditions.length > 0 && (
        <ul className="chips" aria-label="Rows where all of these hold">
          {conditions.map((condition, place) => (
            <li key={`${place} ${sentence(condition)}`}>
              <span>{sentence(condition)}</span>
              <button
                type="button"
                aria-label={`Remove the condition ${sentence(condition)}`}
                onClick={() => onChange(conditions.filter((_, other) => other !== place))}
              >
                ×
              </button>
            </li>
          ))}
          {conditions.length > 1 && (
            <li className="plain"><button type="button" className="quiet" onClick={() => onChange([])}>Remove all</button></li>
          )}
        </ul>
      )}
    </section>
  );
}

type Choice = Operator | "isThere";

function AddCondition({ columns, onAdd }: { columns: readonly Column[]; onAdd: (added: Condition) => void }) {
  const [chosen, setChosen] = useState("");
  const [asked, setAsked] = useState<Choice | "">("");
  const [typed, setTyped] = useState("");
  const column = columns.find(({ name }) => name === chosen) ?? columns[0];
  if (!column) return null;
  const choices: readonly Choice[] = [...operatorsOf(column.type), "isNull", "isThere"];
  const choice = choices.find((each) => each === asked) ?? choices[0] ?? "isNull";

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!column) return;
    onAdd(conditionOf(column, choice, column.type === "BOOLEAN" ? typed || "true" : typed));
    setTyped("");
  }

  return (
    <form className="row add-condition" onSubmit={submit}>
      <label>
        Column
        <select value={column.name} onChange={(event) => setChosen(event.target.value)}>
          {columns.map(({ name }) => <option key={name}>{name}</option>)}
        </select>
      </label>
      <label>
        Condition
        <select value={choice} onChange={(event) => setAsked(choices.find((each) => each === event.target.value) ?? "")}>
          {choices.map((each) => <option key={each} value={each}>{each === "isThere" ? "is there" : nameOf(each)}</option>)}
        </select>
      </label>
      {choice !== "isNull" && choice !== "isThere" && (
        <label>
          {choice === "in" ? "Values, with commas between" : "Value"}
          <ValueInput type={column.type} isList={choice === "in"} value={typed} onChange={setTyped} />
        </label>
      )}
      <button type="submit">Add the condition</button>
    </form>
  );
}

interface ValueInputProps {
  type: ColumnType;
  isList: boolean;
  value: string;
  onChange: (typed: string) => void;
}

const INPUTS: Partial<Record<ColumnType, string>> = { DATE: "date", TIME: "time", DATETIME: "datetime-local" };

function ValueInput({ type, isList, value, onChange }: ValueInputProps) {
  if (type === "BOOLEAN")
    return (
      <select value={value === "false" ? "false" : "true"} onChange={(event) => onChange(event.target.value)}>
        <option>true</option>
        <option>false</option>
      </select>
    );
  const kind = isList ? "text" : (INPUTS[type] ?? "text");
  const step = kind === "text" || kind === "date" ? undefined : 1;
  return <input type={kind} step={step} value={value} required={type !== "STRING"} onChange={(event) => onChange(event.target.value)} />;
}

function conditionOf(column: Column, choice: Choice, typed: string): Condition {
  if (choice === "isNull" || choice === "isThere") return { column: column.name, operator: "isNull", value: choice === "isNull" };
  return { column: column.name, operator: choice, value: valueOf(typed, column.type, choice) };
}
