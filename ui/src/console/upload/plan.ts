/** What is to become of a file, as it was put together so far; it survives a reload of the page. */

import { useCallback, useEffect, useState } from "react";
import { graphql, type Json } from "../../graph";

export type ColumnType = ReturnType<typeof graphql.scalar<"ColumnType">>;
export type SchemaPolicy = ReturnType<typeof graphql.scalar<"SchemaPolicy">>;
export type CheckInput = ReturnType<typeof graphql.scalar<"CheckInput">>;
export type ContractInput = ReturnType<typeof graphql.scalar<"ContractInput">>;
export type Settings = Record<string, Json>;

/** What the rows are held against: checks chosen here, or what a pipeline or a template says. */
export type RulesFrom = "checks" | "pipeline" | "template";

export interface ChosenCheck {
  key: string;
  kind: string;
  settings: Settings;
  /** Why it was suggested; null for one that the user has added. */
  reason: string | null;
  isOn: boolean;
}

export interface PlannedColumn {
  name: string;
  type: ColumnType;
  isRequired: boolean;
}

export interface Plan {
  rulesFrom: RulesFrom;
  pipeline: string;
  template: string;
  /** Null until suggestions have come. */
  checks: ChosenCheck[] | null;
  isContract: boolean;
  columns: PlannedColumn[] | null;
  unknownColumns: SchemaPolicy;
  dataset: string;
  mode: "APPEND" | "REPLACE" | "UPSERT";
  keys: string[];
  onInvalid: "REJECT_ROWS" | "REJECT_ALL" | "WARN";
  maxRejectedRows: string;
  maxRejectedPercent: string;
  priority: "HIGH" | "MEDIUM" | "LOW";
}

export type ChangePlan = (change: Partial<Plan>) => void;

const NEW: Plan = {
  rulesFrom: "checks",
  pipeline: "",
  template: "",
  checks: null,
  isContract: false,
  columns: null,
  unknownColumns: "EVOLVE",
  dataset: "",
  mode: "APPEND",
  keys: [],
  onInvalid: "REJECT_ROWS",
  maxRejectedRows: "",
  maxRejectedPercent: "",
  priority: "MEDIUM",
};

/** The plan for one file, and how to change it. */
export function usePlan(fileId: string): [Plan, ChangePlan] {
  const [plan, setPlan] = useState(() => kept(fileId));
  useEffect(() => sessionStorage.setItem(keyOf(fileId), JSON.stringify(plan)), [fileId, plan]);
  const change = useCallback((part: Partial<Plan>) => setPlan((before) => ({ ...before, ...part })), []);
  return [plan, change];
}

function kept(fileId: string): Plan {
  try {
    return { ...NEW, ...(JSON.parse(sessionStorage.getItem(keyOf(fileId)) ?? "{}") as Partial<Plan>) };
  } catch {
    return NEW;
  }
}

function keyOf(fileId: string): string {
  return `headgate.plan.${fileId}`;
}

/** The checks that are ticked, as the API takes them. */
export function checksOf(plan: Plan): CheckInput[] {
  const ticked = (plan.checks ?? []).filter((check) => check.isOn);
  // A kind is known by its name alone here, other packages' too: the API says what is wrong with its settings.
  return ticked.map(({ kind, settings }) => ({ [kind]: settings }) as unknown as CheckInput);
}

/** What the columns must be; null where nothing is asked of them. */
export function contractOf(plan: Plan): ContractInput | null {
  if (!plan.isContract || !plan.columns) return null;
  const columns = plan.columns.map(({ name, type, isRequired }) => ({ name, type, nullable: !isRequired }));
  return { columns, unknownColumns: plan.unknownColumns };
}

/** What the rows are held against, as `validate` takes it. */
export function rulesOf(plan: Plan) {
  if (plan.rulesFrom === "pipeline") return { pipeline: plan.pipeline };
  if (plan.rulesFrom === "template") return { template: plan.template };
  return { checks: checksOf(plan), contract: contractOf(plan) };
}

/** Where the rows go and what is done with them, as `ingest` takes it. */
export function destinationOf(plan: Plan) {
  const dataset = plan.dataset.trim() || null;
  const into = dataset && { dataset, mode: plan.mode, keys: plan.mode === "UPSERT" ? plan.keys : null };
  if (plan.rulesFrom === "pipeline") return { pipeline: plan.pipeline, ...into, priority: plan.priority };
  if (plan.rulesFrom === "template") return { template: plan.template, ...into, priority: plan.priority };
  const spec = { checks: checksOf(plan), contract: contractOf(plan), acceptance: acceptanceOf(plan) };
  return { spec, ...into, priority: plan.priority };
}

function acceptanceOf({ onInvalid, maxRejectedRows, maxRejectedPercent }: Plan) {
  if (onInvalid !== "REJECT_ROWS") return { onInvalid };
  return { onInvalid, maxRejectedRows: numberOf(maxRejectedRows), maxRejectedPercent: numberOf(maxRejectedPercent) };
}

function numberOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
