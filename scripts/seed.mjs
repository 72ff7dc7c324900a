/**
 * Fills a running sandbox gateway with jobs in every state, for example to develop a page that lists them:
 * `npm run seed [-- <url>]`. The default URL is http://127.0.0.1:4000. `API_KEY` names another key than that of the open
 * sandbox.
 */
import { setTimeout } from 'node:timers/promises';

const url = (process.argv[2] ?? 'http://127.0.0.1:4000').replace(/\/+$/, '');

const IMAGE = 'https://example.com/character.png';
const VIDEO = 'https://example.com/movement.mp4';
const WAIT_LIMIT_MS = 60_000;
/** The default of `UPSTREAM_MAX_IN_FLIGHT`: jobs beyond it stay QUEUED. */
const SLOTS = 5;

/** The settings of the playground. They say whether jobs are paid, so nothing is submitted without them. */
async function readSettings() {
  const response = await fetch(`${url}/playground/config.json`).catch((error) => {
    throw new Error(
      `No gateway answers at ${url} (${error.cause?.code ?? error.message}). Start one with \`npm start\`.`,
    );
  });
  const settings = response.ok ? await response.json() : null;
  if (!settings?.sandbox)
    throw new Error(`The gateway at ${url} does not run with the sandbox: its jobs would be paid.`);
  const key = process.env.API_KEY ?? settings.apiKey;
  if (!key) throw new Error('The gateway does not give its key to this machine. Set API_KEY.');
  return { key };
}

const { key } = await readSettings().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

async function ask(query, variables) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
  return data;
}

async function submit(prompt) {
  const { generateMotion } = await ask(
    `mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { message } } }`,
    { input: { imageUrl: IMAGE, videoUrl: VIDEO, prompt } },
  );
  if (!generateMotion.job) throw new Error(generateMotion.userErrors.map(({ message }) => message).join('\n'));
  return generateMotion.job.id;
}

async function statesOf(ids) {
  const fields = ids.map((id, index) => `job${index}: motionJob(id: "${id}") { state }`).join(' ');
  return Object.values(await ask(`{ ${fields} }`)).map((job) => job?.state);
}

const ended = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

/** Waits until all jobs are in a state that `isReached` accepts. Exits if that takes a minute. */
async function waitFor(ids, isReached) {
  const until = Date.now() + WAIT_LIMIT_MS;
  while (!(await statesOf(ids)).every(isReached)) {
    if (Date.now() > until) {
      console.error(
        'The jobs wait for slots that earlier jobs hold, for example those of an earlier run. Try again later.',
      );
      process.exit(1);
    }
    await setTimeout(500);
  }
}

const ending = [];
for (const scenario of ['success', 'success', 'synchronous', 'failed', 'moderated', 'bad-media', 'early-callback'])
  ending.push(await submit(`A dancer turns. sandbox:${scenario}`));
console.log(`Waiting for ${ending.length} jobs to end ...`);
// They hold no slot once they have ended.
await waitFor(ending, (state) => ended.has(state));

// These hold all slots: the first ones are PROCESSING until they are polled, the others UNCONFIRMED once their submit
// has timed out.
const open = [];
for (let index = 0; index < SLOTS; index += 1)
  open.push(await submit(`A dancer bows. sandbox:${index < 2 ? 'lost-callback' : 'hang'}`));
console.log(`Waiting for ${open.length} jobs to be submitted ...`);
await waitFor(open, (state) => state !== 'QUEUED');
for (let index = 0; index < 3; index += 1) open.push(await submit('A dancer waits for a turn.'));
const canceled = await submit('A dancer who is not needed.');
await ask(`mutation { cancelMotionJob(input: { id: "${canceled}" }) { job { id } userErrors { message } } }`);

const counts = {};
for (const state of await statesOf([...ending, ...open, canceled])) counts[state] = (counts[state] ?? 0) + 1;
console.table(counts);
console.log('Jobs whose submit is not answered become UNCONFIRMED when it times out (SUBMIT_TIMEOUT_SECONDS).');
