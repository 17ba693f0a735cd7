// Imports CONTENT as a person does at an import screen that is built from the snippets at PAGE, and prints what they saw.
import { WebSocket } from 'ws';

globalThis.WebSocket = WebSocket; // browsers have it
const { CONTENT, DATASET, HEADGATE_URL, PAGE, TOKEN } = process.env;
const page = await import(PAGE);
const headgate = new page.Headgate(HEADGATE_URL, TOKEN);
const seen = { events: [], rows: [] };

const mended = { abc: { age: 41 }, null: { email: 'dora@example.org' } };
const askPerson = (question, shown) => {
  if (question === 'rules') {
    seen.file = shown;
    return page.RULES;
  }
  if (question === 'preview') {
    seen.preview = shown;
    return true;
  }
  seen.rows.push(shown);
  return mended[shown.value];
};

seen.imported = await page.importFile(headgate, new File([CONTENT], 'people.csv'), DATASET, {
  askPerson,
  onEvent: (event) => seen.events.push(event),
});

const whole = Buffer.from(CONTENT);
const parts = [];
const size = { name: 'people.csv', byteSize: whole.length };
const large = await page.uploadLarge(headgate, whole, size, (sent, total) => parts.push([sent, total]));
seen.large = { id: large, last: parts.at(-1) };

const { file } = await headgate.ask('query ($id: ID!) { file(id: $id) { suggestedChecks { kind settings } } }', { id: large });
seen.suggested = await page.preview(headgate, large, page.suggestedRules(file));

seen.refused = await headgate.ask('{ file(id: "nothing") { id } }').catch((refused) => refused.code);
console.log(JSON.stringify(seen));
