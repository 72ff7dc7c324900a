/**
 * A process that posts to the URLs in its arguments with the settings in its environment, and prints the answers as one
 * line of JSON. Every name resolves to 127.0.0.1.
 */
import { loadConfig } from '../../src/config.ts';
import { createEgress } from '../../src/egress/egress.ts';

const config = loadConfig(process.env);
const egress = createEgress({
  allow: config.EGRESS_ALLOW,
  maxConnectionsPerHost: config.EGRESS_CONNECTIONS_PER_HOST,
  timeoutMs: 1_000 * config.EGRESS_TIMEOUT_SECONDS,
  maxAnswerBytes: config.EGRESS_ANSWER_BYTES,
  lookup: async () => ['127.0.0.1'],
});
const answers = await Promise.all(
  process.argv
    .slice(2)
    .map((url) => egress.post(url, { headers: {}, body: '{}', signal: new AbortController().signal })),
);
await egress.stop();
process.stdout.write(`${JSON.stringify(answers)}\n`);
