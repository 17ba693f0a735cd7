/** Corrections as they are typed, sent, checked by the server, and shown again where they were not good enough. */

import { useState } from "react";
import { useClient } from "urql";
import { type ResultOf, type VariablesOf, graphql } from "../../../graph";
import { useFeedGap, useJobEvents } from "../../JobFeed";
import { type Fault, faultsOf } from "../../shared/faults";
import { hasEnded } from "../../shared/Status";
import type { ShownJob } from "../jobQuery";
import { type BadRow, valuesOf } from "./rows";

const Correct = graphql(`
  mutation Correct($input: CorrectErrorsInput!) {
    correctErrors(input: $input) { job { id } errors { code message path } }
  }
`);

const Outcome = graphql(`
  query CorrectionOutcome($id: ID!) {
    job(id: $id) {
      id
      status
      counts { read rejected }
      failure { code message }
      errors(first: 200) {
        edges { node { id row column value code severity message suggestion } }
        pageInfo { hasNextPage }
      }
    }
  }
`);

type Correction = NonNullable<ResultOf<typeof Outcome>["job"]>;
export type StillWrong = Correction["errors"]["edges"][number]["node"];
type Input = VariablesOf<typeof Correct>["input"];

/** A row and what was typed into its cells, by column. */
export interface Draft {
  row: BadRow;
  cells: ReadonlyMap<string, string>;
}

type Drafts = ReadonlyMap<number, Draft>;

/** What became of the corrections that were sent last. */
export interface SentCorrections {
  jobId: string;
  passed: number;
  rejected: number;
  /** Why they failed as a whole, where they did. */
  failure: string | null;
}

export interface Corrections {
  drafts: Drafts;
  /** How a cell is to be; nothing leaves it as it is. */
  set: (row: BadRow, column: string, text: string | null) => void;
  discard: () => void;
  /** Send what was typed. */
  send: (columns: string[]) => Promise<void>;
  /** Send an uploaded file of corrected rows. */
  sendFile: (fileId: string) => Promise<void>;
  isSending: boolean;
  faults: Fault[];
  sent: SentCorrections | null;
  /** What is wrong by now with rows that were corrected. */
  stillWrong: ReadonlyMap<number, StillWrong[]>;
}

/** As long as the server waits for a job before it answers. */
const WAIT_S = 20;
/** The failure of a correction of which no row passed: its errors say all there is to say. */
const ALL_REJECTED = "ALL_ROWS_REJECTED";

/** Correct rows of a job; `onEnd` is called once corrections have been carried out. */
export function useCorrections(job: ShownJob, onEnd: () => void): Corrections {
  const client = useClient();
  const [drafts, setDrafts] = useState<Drafts>(new Map());
  const [stillWrong, setStillWrong] = useState<ReadonlyMap<number, StillWrong[]>>(new Map());
  const [running, setRunning] = useState<string | null>(null);
  const [isSending, setSending] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [sent, setSent] = useState<SentCorrections | null>(null);

  async function start(input: Omit<Input, "jobId" | "waitSeconds">) {
    setSending(true);
    setSent(null);
    const result = await client.mutation(Correct, { input: { ...input, jobId: job.id, waitSeconds: WAIT_S } });
    const started = result.data?.correctErrors.job;
    setFaults(faultsOf(result, result.data?.correctErrors.errors));
    if (started) await look(started.id);
    else setSending(false);
  }

  /** See whether a correction has ended; an event says so where it has not. */
  async function look(id: string) {
    setRunning(id);
    const { data } = await client.query(Outcome, { id }, { requestPolicy: "network-only" });
    if (!data?.job || !hasEnded(data.job.status)) return;
    setRunning(null);
    setSending(false);
    take(data.job);
    onEnd();
  }

  function take(correction: Correction) {
    const wrong = byRow(correction);
    const isWhole = correction.failure !== null && correction.failure.code !== ALL_REJECTED;
    const hasAll = !correction.errors.pageInfo.hasNextPage;
    setSent({
      jobId: correction.id,
      passed: isWhole ? 0 : correction.counts.read - correction.counts.rejected,
      rejected: correction.counts.rejected,
      failure: isWhole ? (correction.failure?.message ?? "") : null,
    });
    setStillWrong(wrong);
    // What was typed stays where it was not good enough.
    if (!isWhole && hasAll && correction.status !== "CANCELED") setDrafts((before) => new Map([...before].filter(([row]) => wrong.has(row))));
  }

  useJobEvents((event) => {
    if (event.job.id === running && hasEnded(event.job.status)) void look(event.job.id);
  });
  useFeedGap(() => {
    if (running) void look(running);
  });

  return {
    drafts,
    set: (row, column, text) => setDrafts((before) => withCell(before, row, column, text)),
    discard: () => {
      setDrafts(new Map());
      setFaults([]);
    },
    send: (columns) =>
      start({ corrections: [...drafts].map(([row, draft]) => ({ row, values: valuesOf(draft.row, draft.cells, columns) })) }),
    sendFile: (file) => start({ file }),
    isSending,
    faults,
    sent,
    stillWrong,
  };
}

function withCell(before: Drafts, row: BadRow, column: string, text: string | null): Drafts {
  if (row.row === null) return before;
  const cells = new Map(before.get(row.row)?.cells);
  if (text === null) cells.delete(column);
  else cells.set(column, text);
  const drafts = new Map(before);
  if (cells.size > 0) drafts.set(row.row, { row, cells });
  else drafts.delete(row.row);
  return drafts;
}

function byRow(correction: Correction): Map<number, StillWrong[]> {
  const rows = new Map<number, StillWrong[]>();
  for (const { node } of correction.errors.edges) {
    if (node.row !== null && node.severity === "ERROR") rows.set(node.row, [...(rows.get(node.row) ?? []), node]);
  }
  return rows;
}
