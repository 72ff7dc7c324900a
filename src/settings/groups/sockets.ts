/** Settings of WebSockets and subscriptions. */
import { decimal, integer } from '../setting.ts';

export const socketSettings = {
  MAX_SOCKETS_PER_ADDRESS: integer({
    min: 1,
    max: 1_000_000,
    default: 500,
    meaning: 'Maximum number of open sockets from one address, in each instance',
  }),
  MAX_SOCKETS_PER_KEY: integer({
    min: 1,
    max: 1_000_000,
    default: 2000,
    meaning: 'Maximum number of open sockets with one key, including its client tokens, in each instance',
  }),
  MAX_SUBSCRIPTIONS_PER_KEY: integer({
    min: 1,
    max: 10_000_000,
    default: 10_000,
    meaning: 'Maximum number of live subscriptions with one key, including its client tokens, in each instance',
  }),
  MAX_SUBSCRIPTIONS_PER_SOCKET: integer({
    min: 1,
    max: 10_000,
    default: 100,
    meaning: 'Maximum number of live subscriptions on one socket',
  }),
  SOCKET_MESSAGES_PER_SECOND: integer({
    min: 1,
    max: 1_000_000,
    default: 100,
    meaning:
      'Messages per second from one socket, including pings and pongs, on average over 10 seconds. A socket that exceeds the limit is closed with 1013',
  }),
  MAX_BUFFERED_BYTES: integer({
    min: 1024,
    max: 67_108_864,
    default: 1_048_576,
    meaning:
      'Maximum number of unsent bytes of one socket. The socket of a reader that is further behind is closed with 1013',
  }),
  MAX_UNSENT_SECONDS: decimal({
    min: 0.1,
    max: 600,
    default: 20,
    meaning:
      'Maximum time for which a message may wait to be sent on a socket. If it waits longer, the socket is closed with 1013',
  }),
  MAX_UNREAD_JOBS: integer({
    min: 1,
    max: 100_000,
    default: 1000,
    meaning:
      'Maximum number of jobs that wait in memory for one subscriber of `jobsUpdated`. Further ones are read from the database when the subscriber catches up',
  }),
  SOCKET_PING_SECONDS: decimal({
    min: 0.1,
    max: 600,
    default: 12,
    meaning:
      'Interval of pings. A peer that has not answered by the next ping is closed with 1013 if unsent messages wait for it, and otherwise disconnected',
  }),
  SOCKET_INIT_SECONDS: decimal({
    min: 0.1,
    max: 60,
    default: 5,
    meaning: 'Time limit for `connection_init` after the handshake',
  }),
  SOCKET_RECHECK_SECONDS: decimal({
    min: 0.1,
    max: 60,
    default: 30,
    meaning:
      'Interval at which the keys and tokens of open sockets are checked again. Sockets whose key is no longer valid are closed with 4403',
  }),
  SOCKET_STOP_SECONDS: decimal({
    min: 0,
    max: 60,
    default: 2,
    meaning:
      'Time over which open sockets are closed when the gateway stops: 250 every 50 ms, or more at once if that would take longer',
  }),
};
