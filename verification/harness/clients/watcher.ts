/** Watches one job over graphql-ws until it ends, over as many connections as necessary. */
import { setTimeout } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { GatewayProcess } from '../gateway-process.ts';
import type { Journal } from '../journal.ts';
import type { Random } from '../random.ts';
import type { Harness } from '../harness.ts';
import { JOB_FIELDS, nextOperation, toSeen, type JobView } from './job-view.ts';
import type { ClientRecord } from './records.ts';

interface WatchOptions {
  readonly jobId: string;
  readonly afterVersion: number;
  readonly client: string;
  readonly harness: Harness;
  readonly journal: Journal<ClientRecord>;
  readonly random: Random;
  pickGateway(): GatewayProcess;
  readonly signal: AbortSignal;
}

const WATCH = `subscription ($id: ID!, $afterVersion: Int) { job: jobUpdated(id: $id, afterVersion: $afterVersion) { ${JOB_FIELDS} } }`;

const ACK_TIMEOUT_MS = 5_000;
/**
 * The upper bound of the delay before the next connection. It is doubled for each consecutive connection that broke
 * without an update, up to `MAX_RECONNECT_MS`.
 */
const FIRST_RECONNECT_MS = 300;
const MAX_RECONNECT_MS = 5_000;

/**
 * A WebSocket that ignores errors. A socket that is closed before it is open emits an error, possibly after all other
 * listeners were removed.
 */
class QuietSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    this.on('error', () => undefined);
  }
}

/** Resolves when the server has completed the watch, or when `signal` aborts. */
export async function watchToEnd({
  jobId,
  afterVersion,
  client,
  harness,
  journal,
  random,
  pickGateway,
  signal,
}: WatchOptions): Promise<void> {
  let version = afterVersion;
  let silent = 0;
  while (!signal.aborted) {
    const gateway = pickGateway();
    const operation = { op: 'watch', jobId, client, operation: nextOperation(), gateway: gateway.name } as const;
    journal.append({ ...operation, type: 'invoke', afterVersion: version });
    const connection = createClient({
      url: `${gateway.url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: QuietSocket,
      connectionParams: { authorization: `Bearer ${harness.apiKey}` },
      connectionAckWaitTimeout: ACK_TIMEOUT_MS,
      retryAttempts: 0,
    });
    const stop = (): void => connection.terminate();
    signal.addEventListener('abort', stop);
    try {
      for await (const { data, errors } of connection.iterate<{ job: JobView }>({
        query: WATCH,
        variables: { id: jobId, afterVersion: version },
      })) {
        if (errors || !data) throw new Error(codeOf(errors) ?? 'no data');
        const seen = toSeen(data.job);
        version = seen.version;
        silent = 0;
        journal.append({ ...operation, type: 'saw', seen });
      }
      return journal.append({ ...operation, type: 'completed' });
    } catch (error) {
      // A closed socket is reported as an event, and a refusal as a list of GraphQL errors.
      const reason = error instanceof Error ? error.message : (codeOf(error) ?? 'closed');
      journal.append({ ...operation, type: reason === 'NOT_FOUND' ? 'fail' : 'unknown', reason });
    } finally {
      signal.removeEventListener('abort', stop);
      void connection.dispose();
    }
    silent += 1;
    await setTimeout(random.between(100, Math.min(MAX_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** silent)), undefined, {
      signal,
    }).catch(() => undefined);
  }
}

function codeOf(errors: unknown): string | null {
  const [first] = Array.isArray(errors) ? (errors as { extensions?: { code?: unknown } }[]) : [];
  return typeof first?.extensions?.code === 'string' ? first.extensions.code : null;
}
