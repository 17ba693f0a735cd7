// Runs the audits of GraphQL over HTTP against the URL in AUDITED_URL with the token in AUDITED_TOKEN, and prints
// their results as JSON.
import { serverAudits } from 'graphql-http';

const { AUDITED_URL: url, AUDITED_TOKEN: token } = process.env;
const fetchFn = (target, options = {}) =>
  fetch(target, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });

const results = [];
for (const { fn } of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
