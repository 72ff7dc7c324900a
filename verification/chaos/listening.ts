/** A client's webhook receiver that is notified of the ends of all jobs, sometimes fails, and records every attempt. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { HeardWebhook } from './checker/evidence.ts';
import { startReceiver, type Seen } from '../harness/clients/receivers.ts';
import { openJournal } from '../harness/journal.ts';
import type { Random } from '../harness/random.ts';
import type { Harness } from '../harness/harness.ts';

export interface Listening {
  /** The record of the attempts, one per line. */
  readonly file: string;
  stop(): void;
}

const CREATE =
  'mutation ($input: CreateWebhookEndpointInput!) { created: createWebhookEndpoint(input: $input) { endpoint { id } } }';
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELED'].map((end) => `MOTION_JOB_${end}`);

export async function startListening(harness: Harness, random: Random): Promise<Listening> {
  const file = join(harness.folder, 'webhooks.jsonl');
  const journal = openJournal<HeardWebhook>(file);
  const receiver = await startReceiver('failing', random, '', (one) => journal.append(heardOf(one)));
  const reply = await harness.send<{ created: { endpoint: object | null } }>(harness.gateways[0]!, {
    query: CREATE,
    variables: { input: { url: receiver.url, eventTypes: ENDS } },
  });
  if (reply.kind !== 'answered' || !reply.answer.data?.created.endpoint)
    throw new Error(`no endpoint was made: ${JSON.stringify(reply)}`);
  return {
    file,
    stop() {
      receiver.stop();
      journal.close();
    },
  };
}

function heardOf({ id, body, status }: Seen): HeardWebhook {
  const { type, data } = JSON.parse(body) as {
    readonly type: string;
    readonly data: { readonly job: { readonly id: string; readonly version: number } };
  };
  return {
    id,
    digest: createHash('sha256').update(body).digest('base64url').slice(0, 16),
    status,
    type,
    jobId: data.job.id,
    version: data.job.version,
  };
}
