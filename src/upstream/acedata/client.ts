/** The upstream's client: look-ups, and submits of one attempt each, whose end is classified by evidence. */
import type { Upstream } from '../../jobs/ports/upstream.ts';
import type { Attempt, SubmitEnd } from '../../jobs/model/upstream-news.ts';
import type { CallbackUrls } from '../callback-url.ts';
import { createLookUps } from './look-ups.ts';
import type { ProxySettings } from './proxy.ts';
import { toSubmitEnd } from './submit-end.ts';
import { createTransport } from './transport.ts';
import { SUBMIT_PATH } from './wire/routes.ts';
import { encodeSubmitBody } from './wire/submit-body.ts';

export interface UpstreamClientOptions {
  readonly id: string;
  readonly sandbox: boolean;
  readonly baseUrl: string;
  readonly token: string;
  readonly callbackUrls: CallbackUrls;
  readonly submitTimeoutMs: number;
  /** Null connects directly, regardless of the environment. */
  readonly proxies?: ProxySettings | null;
}

export interface UpstreamClient extends Upstream {
  stop(): Promise<void>;
}

export function createUpstreamClient({
  id,
  sandbox,
  baseUrl,
  token,
  callbackUrls,
  submitTimeoutMs,
  proxies = null,
}: UpstreamClientOptions): UpstreamClient {
  const transport = createTransport({ baseUrl, token, proxies });

  async function submit({ jobId, attempt, input }: Attempt, signal: AbortSignal): Promise<SubmitEnd> {
    const callbackUrl = callbackUrls.urlFor(jobId, attempt);
    const body = JSON.stringify(encodeSubmitBody({ ...input, callbackUrl, async: callbackUrl === null }));
    // Each submit has its own connection: on a reused one, a reset cannot be distinguished from a server that had
    // already closed the connection.
    const connection = transport.openConnection();
    try {
      return toSubmitEnd(await connection.post({ path: SUBMIT_PATH, body, timeoutMs: submitTimeoutMs, signal }));
    } catch (error) {
      const reason = reasonOf(error);
      return connection.began()
        ? { kind: 'ambiguous', about: 'path', reason, httpStatus: null, traceId: null, taskId: null }
        : { kind: 'neverSent', reason };
    } finally {
      connection.close();
    }
  }

  return { id, sandbox, submitTimeoutMs, submit, ...createLookUps(transport, callbackUrls), stop: transport.stop };
}

/** Returns a short reason for logs and pauses: the error's code or else its name, never a URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
