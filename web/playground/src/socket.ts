import { CloseCode, createClient, type Client, type SubscribePayload } from 'graphql-ws';
import type { ExecutionResult } from 'graphql';
import type { Observable } from '@graphiql/toolkit';

const explanations: Readonly<Record<number, string>> = {
  [CloseCode.Unauthorized]: 'the key is missing or was refused',
  [CloseCode.Forbidden]: 'the key is missing or was refused',
  [CloseCode.BadRequest]: 'the gateway did not understand the message',
  [CloseCode.ConnectionInitialisationTimeout]: 'the gateway waited too long for the first message',
  [CloseCode.TooManyInitialisationRequests]: 'the connection was opened twice',
  [CloseCode.InternalServerError]: 'the gateway failed',
  1001: 'the gateway is going away',
  1006: 'the gateway cannot be reached, or the connection broke',
  1009: 'the message was too big',
  1012: 'the gateway restarts',
  1013: 'the gateway is busy',
};

/** GraphQL errors as they came; a closed or unreachable socket as one sentence. */
function readableError(error: unknown): unknown {
  if (Array.isArray(error)) return error;
  if (error instanceof CloseEvent) {
    const explanation = explanations[error.code] ?? 'the connection was closed';
    // The reasons of 4403 say what is wrong with the key.
    const reason = error.code === Number(CloseCode.Forbidden) && error.reason !== '' ? ` (${error.reason})` : '';
    return {
      message: `Subscription ended: ${explanation}${reason}.`,
      extensions: { closeCode: error.code, closeReason: error.reason },
    };
  }
  return { message: `Subscription ended: ${explanations[1006]}.` };
}

/** Subscriptions over one lazily opened socket per distinct authorization, closed when its last subscription ends. */
export function createSubscriber(
  graphqlUrl: URL,
): (payload: SubscribePayload, authorization: string | undefined) => Observable<ExecutionResult> {
  const clients = new Map<string | undefined, Client>();
  const url = new URL(graphqlUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

  const clientOf = (authorization: string | undefined): Client => {
    const client =
      clients.get(authorization) ??
      createClient({
        url: url.href,
        connectionParams: authorization === undefined ? {} : { authorization },
        // Waits of 1, 2 and 4 seconds: short enough for a user who watches the pane. A rejected key stays rejected.
        retryAttempts: 3,
        shouldRetry: (error) => error instanceof CloseEvent && error.code !== Number(CloseCode.Forbidden),
      });
    clients.set(authorization, client);
    return client;
  };

  return (payload, authorization) => {
    const observable = {
      subscribe: (sink: { next(value: unknown): void; error(error: unknown): void; complete(): void }) => ({
        unsubscribe: clientOf(authorization).subscribe(payload, {
          next: (value) => sink.next(value),
          error: (error) => {
            // A client that gave up would begin its next connection with a wait.
            if (!Array.isArray(error)) clients.delete(authorization);
            sink.error(readableError(error));
          },
          complete: () => sink.complete(),
        }),
      }),
    };
    return observable as unknown as Observable<ExecutionResult>;
  };
}
