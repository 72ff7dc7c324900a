/** Settings of the REST interface. */
import { decimal, integer, toggle } from '../setting.ts';

export const restSettings = {
  REST: toggle({
    default: 'on',
    meaning: "Whether the vendor's own routes, `POST /kling/motion` and `POST /kling/tasks`, are served",
  }),
  REST_HOLD_SECONDS: decimal({
    min: 0.1,
    max: 86_400,
    default: 600,
    meaning:
      'Maximum time for which a synchronous `POST /kling/motion` is held. After it, the request is answered 504 `timeout`, and the job continues',
  }),
  REST_JOIN_SECONDS: decimal({
    min: 0.1,
    max: 86_400,
    default: 900,
    meaning:
      'Time for which an unanswered REST request without `Idempotency-Key` can be joined by an identical request',
  }),
  REST_CLOSE_SECONDS: decimal({
    min: 0.01,
    max: 10,
    default: 1,
    meaning:
      'Time for which the gateway waits, after a REST answer or a repeat, for a FIN or a reset that shows that the client disconnected. It should exceed a round trip with one retransmission',
  }),
  REST_RESET_SECONDS: decimal({
    min: 0.01,
    max: 60,
    default: 10,
    meaning: 'Time after a REST answer in which a connection reset means that the client did not read the answer',
  }),
  REST_DOUBT_SECONDS: decimal({
    min: 0,
    max: 900,
    default: 10,
    meaning:
      'Time after an answer through a proxy in which an identical REST request without `Idempotency-Key` gets the same job, because a proxy does not show whether its client received the answer. With 0, such answers count as received',
  }),
  REST_LEASE_SECONDS: decimal({
    min: 1,
    max: 30,
    default: 10,
    meaning:
      'Time for which an instance reserves a REST request whose connection is open. If the instance does not renew it, the request counts as unanswered',
  }),
  MAX_HELD_PER_KEY: integer({
    min: 1,
    max: 1_000_000,
    default: 2000,
    meaning: 'Maximum number of synchronous REST requests with one key that are held at once, in each instance',
  }),
};
