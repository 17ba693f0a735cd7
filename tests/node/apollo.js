// Apollo Client 4: a query, a mutation, a subscription by GraphQLWsLink, pages by relayStylePagination, a refusal.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { INGEST, WATCH, dataset, headers, input, socketUrl, url } from './server.js';

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: headers });
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers }),
  ),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { jobs: relayStylePagination(['filter']) } } },
  }),
});
const JOBS = gql`
  query Jobs($filter: JobFilter, $after: String) {
    jobs(filter: $filter, first: 2, after: $after) {
      edges { cursor node { id kind status } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

const started = [];
for (let number = 0; number < 5; number += 1) {
  const { data } = await client.mutate({ mutation: gql(INGEST), variables: { input } });
  assert.deepEqual(data.ingest.errors, []);
  started.unshift(data.ingest.job.id);
}

const statuses = [];
await client.subscribe({ query: gql(WATCH), variables: { job: started[0] } }).forEach(({ data }) => {
  if (data.jobProgress.type === 'STATUS') statuses.push(data.jobProgress.status);
});
assert.deepEqual(statuses, ['QUEUED', 'RUNNING', 'PARTIAL']);

const listing = { query: JOBS, variables: { filter: { dataset } } };
let page = (await client.query(listing)).data.jobs.pageInfo;
const listed = client.watchQuery(listing);
listed.subscribe(() => {});
while (page.hasNextPage) {
  const more = await listed.fetchMore({ variables: { after: page.endCursor } });
  page = more.data.jobs.pageInfo;
}
const { data } = await client.query({ ...listing, fetchPolicy: 'cache-only' });
assert.deepEqual(data.jobs.edges.map(({ node }) => node.id), started);
assert.ok(Object.keys(client.cache.extract()).includes(`Job:${started[0]}`));

await assert.rejects(client.query({ query: gql`{ nothing }` }), (error) => {
  assert.ok(CombinedGraphQLErrors.is(error), String(error));
  return error.errors[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED';
});

client.stop();
await socket.dispose();
console.log('all is as it should be');
