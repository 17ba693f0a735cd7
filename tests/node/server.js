// The server under test: HEADGATE_URL with HEADGATE_TOKEN.
export const url = `${process.env.HEADGATE_URL}/graphql`;
export const socketUrl = url.replace(/^http/, 'ws');
export const headers = { Authorization: `Bearer ${process.env.HEADGATE_TOKEN}` };

// A dataset that no other program writes to.
export const dataset = `made_${process.pid}_${Date.now()}`;

export const INGEST = `
  mutation Ingest($input: IngestInput!) {
    ingest(input: $input) { job { id status } errors { code message } }
  }`;
export const WATCH = `
  subscription Watch($job: ID!, $after: String) {
    jobProgress(jobId: $job, after: $after, minIntervalMs: 0) { cursor type status }
  }`;
export const input = { dataset, data: { text: { format: 'CSV', content: 'id,name\n1,Ada\n2,Ben\n3\n' } } };
