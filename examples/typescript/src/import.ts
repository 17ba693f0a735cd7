// Uploads a file, ingests it, watches the job live and prints what was rejected: npm start FILE [DATASET]
import { ask, made, subscribe, type UserError } from './api.js';
import { upload } from './upload.js';

interface Job {
  id: string;
  status: string;
  counts: { read: number; accepted: number };
  failure: { message: string } | null;
}

interface RowError {
  row: number | null;
  column: string | null;
  message: string;
}

interface Page<Node> {
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  edges: readonly { node: Node }[];
}

const INGEST = `
  mutation ($input: IngestInput!) {
    ingest(input: $input) { job { id } errors { code message } }
  }`;
const WATCH = `
  subscription ($job: ID!) {
    jobProgress(jobId: $job) {
      progress { stage fraction }
      job { id status counts { read accepted } failure { message } }
    }
  }`;
const ERRORS = `
  query ($job: ID!, $after: String) {
    errors(filter: {job: $job}, first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      edges { node { row column message } }
    }
  }`;

async function ingest(file: string, dataset: string): Promise<string> {
  const input = { data: { file }, dataset, mode: 'REPLACE' };
  const { ingest } = await ask<{ ingest: { job: { id: string } | null; errors: UserError[] } }>(INGEST, { input });
  return made(ingest.job, ingest.errors).id;
}

async function watch(id: string): Promise<Job | undefined> {
  interface Event {
    jobProgress: { progress: { stage: string; fraction: number | null } | null; job: Job };
  }
  let job: Job | undefined;
  for await (const { jobProgress: event } of subscribe<Event>(WATCH, { job: id })) {
    job = event.job;
    if (event.progress?.fraction != null) {
      console.error(`${event.progress.stage}: ${Math.round(event.progress.fraction * 100)}%`);
    }
  }
  return job;
}

async function* errorsOf(job: string): AsyncGenerator<RowError> {
  for (let after: string | null = null, more = true; more; ) {
    const page: Page<RowError> = (await ask<{ errors: Page<RowError> }>(ERRORS, { job, after })).errors;
    yield* page.edges.map((edge) => edge.node);
    ({ endCursor: after, hasNextPage: more } = page.pageInfo);
  }
}

async function main(path: string, dataset: string): Promise<void> {
  const file = await upload(path, (sent, total) => console.error(`${sent} of ${total} bytes are there`));
  const job = await watch(await ingest(file, dataset));
  if (job === undefined || job.failure !== null) {
    throw new Error(job?.failure?.message ?? 'The job said nothing.');
  }
  console.log(`${job.counts.accepted} of ${job.counts.read} rows are in ${dataset}.`);
  for await (const error of errorsOf(job.id)) {
    const where = error.column === null ? `row ${error.row}` : `row ${error.row}, ${error.column}`;
    console.log(`${where}: ${error.message}`);
  }
}

const [path, dataset = 'people'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: npm start FILE [DATASET]');
  process.exitCode = 2;
} else {
  await main(path, dataset).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : 'The connection was refused.');
    process.exitCode = 1;
  });
}
