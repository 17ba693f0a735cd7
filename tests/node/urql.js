// @urql/core: a query, a mutation, a subscription over graphql-ws and over Server-Sent Events, and a refusal.
import assert from 'node:assert/strict';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { INGEST, WATCH, headers, input, socketUrl, url } from './server.js';

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: headers });
const forwardSubscription = (request) => ({
  subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
});
const options = { url, fetchOptions: { headers } };
const client = new Client({
  ...options,
  exchanges: [fetchExchange, subscriptionExchange({ forwardSubscription })],
});
const streaming = new Client({ ...options, fetchSubscriptions: true, exchanges: [fetchExchange] });

const watch = (from, job) =>
  new Promise((resolve, reject) => {
    const events = [];
    from.subscription(WATCH, { job }).subscribe(({ data, error, hasNext }) => {
      if (error) return reject(error);
      // At the end urql hands out the last result again, with a note that nothing follows.
      if (hasNext) events.push(data.jobProgress);
      else resolve(events);
    });
  });

for (const each of [client, streaming]) {
  const { data, error } = await each.query('{ viewer { role user { email } } }', {});
  assert.equal(error, undefined);
  assert.equal(data.viewer.role, 'ADMIN');
}

const { data } = await client.mutation(INGEST, { input });
assert.deepEqual(data.ingest.errors, []);
const { id } = data.ingest.job;
const [bySocket, byEvents] = await Promise.all([watch(client, id), watch(streaming, id)]);
assert.equal(bySocket.at(-1).status, 'PARTIAL');
assert.deepEqual(byEvents, bySocket);

for (const preferGetMethod of [false, true]) {
  const { error } = await client.query('{ nothing }', {}, { preferGetMethod });
  assert.equal(error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
}
const stranger = new Client({ url, exchanges: [fetchExchange] });
const refused = (await stranger.query('{ viewer { role } }', {})).error;
assert.equal(refused.graphQLErrors[0].extensions.code, 'UNAUTHENTICATED');

await socket.dispose();
console.log('all is as it should be');
