/** A client of the gateway under test: operations over HTTP, subscriptions over graphql-ws. */
import { createClient as createSocketClient, type Client, type ExecutionResult } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Gateway } from '../../src/gateway.ts';
import type {
  GenerateMotionInput,
  JobFieldsFragment,
  TypedDocumentString,
  WatchJobSubscription,
} from './generated/graphql.ts';
import { FindJob, GenerateMotion, WatchJob } from './operations.ts';

interface Answer<T> {
  readonly status: number;
  readonly data: T;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions: Record<string, unknown>;
  }[];
}

/** The fields of a job that most tests check. */
export type JobView = JobFieldsFragment;

/** The same fields, for documents that a test writes itself. */
export const JOB_FIELDS =
  'id version state taskId sandbox settledBy video { id url durationSeconds } failure { code message final charge upstreamCode }';

/** The example request of the vendor's documentation. */
export const EXAMPLE = {
  imageUrl: 'https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg',
  videoUrl: 'https://cdn.acedata.cloud/odwfm5.mp4',
  prompt: 'Make the picture come alive',
} as const;

export interface TestClient {
  request<T>(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer<T>>;
  /** Sends a typed document. */
  run<T, V>(document: TypedDocumentString<T, V>, variables: V): Promise<Answer<T>>;
  /** Submits the example with the given changes and returns the accepted job. */
  generate(input?: Partial<GenerateMotionInput>): Promise<JobView>;
  find(id: string): Promise<JobView | null>;
  /** Watches a job until the server completes the subscription. */
  watch(id: string, afterVersion?: number): AsyncIterableIterator<ExecutionResult<WatchJobSubscription, unknown>>;
  /** Watches a job until it ends and returns its last state. */
  untilEnd(id: string): Promise<JobView>;
  readonly socket: Client;
  stop(): Promise<void>;
}

export function createClient(gateway: Pick<Gateway, 'url' | 'apiKey'>): TestClient {
  const authorization = `Bearer ${gateway.apiKey}`;
  const socket = createSocketClient({
    url: `${gateway.url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  });

  const request: TestClient['request'] = async <T>(
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization, ...headers },
      body: JSON.stringify({ query, variables }),
    });
    return { status: response.status, ...((await response.json()) as Omit<Answer<T>, 'status'>) };
  };

  const run: TestClient['run'] = (document, variables) =>
    request(document.toString(), variables as Record<string, unknown>);

  const watch: TestClient['watch'] = (id, afterVersion) =>
    socket.iterate<WatchJobSubscription>({ query: WatchJob.toString(), variables: { id, afterVersion } }) as ReturnType<
      TestClient['watch']
    >;

  return {
    request,
    run,
    async generate(input = {}) {
      const { data, errors } = await run(GenerateMotion, { input: { ...EXAMPLE, ...input } });
      const job = data?.generateMotion?.job;
      if (!job) throw new Error(`not accepted: ${JSON.stringify(errors ?? data?.generateMotion?.userErrors)}`);
      return job;
    },
    async find(id) {
      return (await run(FindJob, { id })).data.motionJob ?? null;
    },
    watch,
    async untilEnd(id) {
      let last: JobView | undefined;
      for await (const { data, errors } of watch(id)) {
        if (errors) throw new Error(JSON.stringify(errors));
        last = data?.jobUpdated;
      }
      if (!last) throw new Error('no state came');
      return last;
    },
    socket,
    stop: async () => socket.dispose(),
  };
}
