/** Settings of overload protection. */
import { decimal, integer } from '../setting.ts';

export const loadSettings = {
  MAX_OPERATIONS: integer({
    min: 2,
    max: 10_000,
    default: 32,
    meaning:
      'Maximum number of operations that run at once in each instance: queries, mutations, REST requests and WebSocket handshakes. Further ones wait',
  }),
  MAX_WAITING_OPERATIONS: integer({
    min: 1,
    max: 100_000,
    default: 500,
    meaning:
      'Maximum number of waiting operations of each kind (submits, reads, handshakes), in each instance. Further ones are refused at once with 503 and `Retry-After`',
  }),
  SUBMIT_WAIT_SECONDS: decimal({
    min: 0.1,
    max: 60,
    default: 8,
    meaning:
      'Maximum wait of a mutation or a REST submit for its turn (at most `OPERATION_TIMEOUT_SECONDS`), and again for a database connection. The wait for a turn counts from when the queue was last empty, and is at least half of this setting',
  }),
  READ_WAIT_SECONDS: decimal({
    min: 0.1,
    max: 60,
    default: 2,
    meaning:
      'Maximum wait of a query, a REST look-up or a WebSocket handshake for its turn. The time counts from when the queue was last empty, and is at least a quarter of this setting',
  }),
  MAX_EVENT_LOOP_DELAY_MS: integer({
    min: 10,
    max: 60_000,
    default: 500,
    meaning:
      'Mean delay of the event loop over a second above which the gateway sheds load: it refuses operations and handshakes at once with 503 and `Retry-After`, until the delay has stayed below half of the limit for a second',
  }),
  TARGET_EVENT_LOOP_DELAY_MS: integer({
    min: 1,
    max: 60_000,
    default: 1,
    meaning:
      'Delay of the event loop, caused by the work of the gateway itself, above which fewer operations run at once. This keeps callbacks fast under load',
  }),
  MAX_DATABASE_WAIT_MS: integer({
    min: 10,
    max: 60_000,
    default: 1000,
    meaning:
      'Mean wait for a database connection over a second above which the gateway sheds load, as for `MAX_EVENT_LOOP_DELAY_MS`',
  }),
  MAX_CONNECTIONS: integer({
    min: 10,
    max: 1_000_000,
    default: 20_000,
    meaning:
      'Maximum number of open TCP connections in each instance, including WebSockets and callbacks. Further ones are closed at once',
  }),
  LISTEN_BACKLOG: integer({
    min: 1,
    max: 65_535,
    default: 4_096,
    meaning:
      'Maximum number of connections that wait to be accepted, in each instance. The kernel may allow fewer (on Linux `net.core.somaxconn`)',
  }),
};
