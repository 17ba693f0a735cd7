// Asks the server the queries that the Relay compiler has made of src/operations.js, and prints what it answers.
const url = `${process.env.HEADGATE_URL}/graphql`;
const headers = { Authorization: `Bearer ${process.env.HEADGATE_TOKEN}`, 'Content-Type': 'application/json' };
const made = async (name) => (await import(`./src/__generated__/${name}.graphql.js`)).default.params.text;

const ask = async (name, variables) => {
  const body = JSON.stringify({ query: await made(name), variables });
  const { data, errors } = await (await fetch(url, { method: 'POST', headers, body })).json();
  if (errors) throw new Error(`${name}: ${JSON.stringify(errors)}`);
  return data;
};

const dataset = `relay_${process.pid}_${Date.now()}`;
const input = { dataset, waitSeconds: 30, data: { text: { format: 'CSV', content: 'id,name\n1,Ada\n2\n' } } };
const ids = [];
for (let number = 0; number < 3; number += 1) {
  ids.unshift((await ask('operationsIngestMutation', { input, connections: [] })).ingest.job.id);
}
const filter = { dataset };
const { jobs: first } = await ask('operationsJobsQuery', { filter });
const { jobs: second } = await ask('operationsJobsPageQuery', { filter, count: 2, cursor: first.pageInfo.endCursor });
const { node } = await ask('operationsNodeQuery', { id: ids[0] });
const { node: refetched } = await ask('operationsErrorsPageQuery', { id: ids[0], count: 10, cursor: null });
console.log(
  JSON.stringify({
    started: ids,
    listed: [...first.edges, ...second.edges].map((edge) => edge.node.id),
    kind: node.__typename,
    errors: [node, refetched].map(({ errors }) => errors.edges.map((edge) => edge.node.row)),
    subscription: await made('operationsWatchSubscription'),
  }),
);
