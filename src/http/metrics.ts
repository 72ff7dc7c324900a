/**
 * Serves `GET /metrics` to administrators, in the Prometheus text format: counts since this instance started, and its
 * current load and open sockets.
 */
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Authenticate } from '../accounts/authenticate.ts';
import type { Job } from '../jobs/model/job.ts';
import { networkOf } from '../network/client-address.ts';
import type { Admission } from './overload/admission.ts';
import type { Load } from './overload/load.ts';

export interface Live {
  sockets(): number;
  watchers(): number;
  /** Returns the number of sockets that have closed so far, by close code. */
  closes(): Readonly<Record<number, number>>;
  readonly load: Pick<Load, 'overload' | 'eventLoopDelayMs' | 'databaseWaitMs'>;
  readonly admission: Admission;
}

export interface Metrics {
  /** Counts a job whose end has been committed. */
  countEnd(job: Job): void;
  /**
   * Registers the route and measures every request of `app` from then on. Requests that are refused before they are
   * routed are only counted.
   */
  register(app: FastifyInstance, authenticate: Authenticate, live: () => Live): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const ends = new Counter({
    name: 'motion_gateway_job_ends_total',
    help:
      'Jobs that have ended, by state and failure code. ' +
      'SUBMIT_OUTCOME_UNKNOWN: the quota was released, and the upstream may have charged for the job.',
    labelNames: ['state', 'code'],
    registers,
  });
  const requests = new Histogram({
    name: 'motion_gateway_http_request_seconds',
    help: 'Duration of HTTP requests in seconds, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });

  return {
    countEnd: ({ state, failure }) => ends.inc({ state, code: failure?.code ?? '' }),
    register(app, authenticate, live) {
      new Gauge({
        name: 'motion_gateway_sockets',
        help: 'Open WebSockets.',
        registers,
        collect() {
          this.set(live().sockets());
        },
      });
      new Gauge({
        name: 'motion_gateway_watchers',
        help: 'Open subscriptions to single jobs and to accounts.',
        registers,
        collect() {
          this.set(live().watchers());
        },
      });
      new Counter({
        name: 'motion_gateway_socket_closes_total',
        help: "WebSockets that have closed, by close code: the gateway's if the gateway closed them, else the peer's.",
        labelNames: ['code'],
        registers,
        collect() {
          this.reset();
          for (const [code, count] of Object.entries(live().closes())) this.inc({ code }, count);
        },
      });
      registerLoad(registers, live);
      app.addHook('onResponse', async (request, reply) => {
        requests.observe(
          { method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode },
          reply.elapsedTime / 1_000,
        );
      });
      app.get('/metrics', async (request, reply) => {
        const caller = await authenticate(request.headers.authorization, undefined, networkOf(request.ip));
        if (caller?.kind !== 'administrator')
          return reply
            .code(401)
            .header('www-authenticate', 'Bearer')
            .send({
              errors: [
                { message: 'Metrics require the key of an administrator.', extensions: { code: 'UNAUTHENTICATED' } },
              ],
            });
        return reply.type(registry.contentType).send(await registry.metrics());
      });
    },
  };
}

/** Registers the metrics of the instance's load and of the requests that were refused because of it. */
function registerLoad(registers: Registry[], live: () => Live): void {
  new Counter({
    name: 'motion_gateway_shed_total',
    help: 'Requests that were refused because of overload, by kind (unknown: a POST to GraphQL whose body was not read) and reason.',
    labelNames: ['kind', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { kind, reason, count } of live().admission.figures().refused) this.inc({ kind, reason }, count);
    },
  });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `motion_gateway_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge(
    'event_loop_delay_seconds',
    'Delay of the event loop in seconds, averaged over the last second.',
    () => live().load.eventLoopDelayMs() / 1_000,
  );
  gauge(
    'database_wait_seconds',
    "Longest wait for a database connection of the clients' pool within 0.05 s, in seconds, averaged over the last second.",
    () => live().load.databaseWaitMs() / 1_000,
  );
  gauge('operations_running', 'Operations that hold a slot.', () => live().admission.figures().running);
  gauge('operations_waiting', 'Operations that wait for a slot.', () => live().admission.figures().waiting);
  gauge('operations_slots', 'Operations that may currently run at once.', () => live().admission.figures().slots);
}
