/** What people call what the API has names for. */

import { graphql } from "../../graph";

export type JobKind = ReturnType<typeof graphql.scalar<"JobKind">>;

export const KIND_NAMES: Record<JobKind, string> = {
  INGEST: "Ingest",
  VALIDATE: "Validation",
  MAPPING: "Mappings",
  BATCH: "Batch",
  CORRECTION: "Correction",
  EXPORT: "Export",
};

interface Named {
  kind: JobKind;
  file: { name: string } | null;
  dataset: { name: string } | null;
  pipeline: { name: string } | null;
}

/** What a job is best known by: its file, its pipeline, its dataset, else what it does. */
export function jobName({ kind, file, dataset, pipeline }: Named): string {
  return file?.name ?? pipeline?.name ?? dataset?.name ?? KIND_NAMES[kind];
}
