// graphql-ws: operations of all types on one socket, a subscription that resumes behind a cursor, and refusals.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { INGEST, WATCH, headers, input, socketUrl } from './server.js';

const connect = (connectionParams) =>
  createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
const client = connect(headers);
const all = async (query, variables) => {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
};

const [viewer] = await all('{ viewer { role } }');
assert.deepEqual(viewer.data, { viewer: { role: 'ADMIN' } });
const [{ data }] = await all(INGEST, { input });
const { id: job } = data.ingest.job;

const events = (await all(WATCH, { job })).map((result) => result.data.jobProgress);
assert.deepEqual(
  events.filter(({ type }) => type === 'STATUS').map(({ status }) => status),
  ['QUEUED', 'RUNNING', 'PARTIAL'],
);
const behind = (await all(WATCH, { job, after: events[1].cursor })).map((result) => result.data.jobProgress);
assert.deepEqual(behind, events.slice(2));

await assert.rejects(all('{ nothing }'), ([error]) => error.extensions.code === 'GRAPHQL_VALIDATION_FAILED');
await client.dispose();

for (const nobody of [undefined, { Authorization: 'Bearer nonsense' }]) {
  const stranger = connect(nobody);
  await assert.rejects(stranger.iterate({ query: WATCH, variables: { job } }).next(), ({ code }) => code === 4403);
  await stranger.dispose();
}
console.log('all is as it should be');
