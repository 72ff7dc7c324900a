/**
 * Webhooks to receivers of which a third have problems, while gateways are killed. Every event is delivered to every
 * endpoint, or given up according to the rules. Every attempt is signed, carries the one id and the one body of its
 * event, and comes no sooner than the schedule allows. No redirect is followed.
 */
import { setTimeout } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { callBack, prepareJobs, startCallers } from '../../harness/clients/callers.ts';
import { startReceiver, type Manner, type Receiver, type Seen } from '../../harness/clients/receivers.ts';
import { createRandom } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, type Proof, type ProofOptions } from '../proof.ts';

const SECRET = 'the-secret-of-the-proof-of-webhooks';
/** Delays between attempts, s: about a thousandth of the real schedule, and closer together at the end. */
const STEPS = [0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8];
const JITTER = 0.2;
/** The deviation that a clock, a timer and a socket may cause in either direction, ms. */
const SLACK_MS = 60;
const TIMEOUT_SECONDS = 1;
const LEASE_MS = (3 * TIMEOUT_SECONDS + 10) * 1_000;
/** Includes a lease that a killed worker left behind, and the delay of a busy machine. */
const LATE_MS = LEASE_MS + 10_000;
const KILL_EVERY_MS = 4_000;
const KILLS_PER_THOUSAND = 0.6;
/** Includes a lease, a start and the accumulated backlog. */
const SETTLE_LIMIT_MS = 240_000;

interface Endpoint {
  readonly id: string;
  readonly secret: string;
  readonly receiver: Receiver;
}

/** `size` is the number of deliveries. At a tenth of the full size or less, the mix of receivers is coarser. */
export async function proveWebhooks({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const random = createRandom(`${seed}:webhooks`);
  const canary = await startReceiver('healthy', random, '');
  const count = Math.max(10, Math.round(Math.sqrt(size)));
  const receivers = await Promise.all(
    mannersOf(count).map((manner) => startReceiver(manner, createRandom(`${seed}:${manner}`), canary.url)),
  );
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    settings: {
      APP_SECRET: SECRET,
      PLAYGROUND: 'off',
      JOB_DEADLINE_SECONDS: '86400',
      EGRESS_ALLOW: '127.0.0.1',
      EGRESS_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS),
      WEBHOOK_RETRY_SECONDS: STEPS.join(),
      MAX_WEBHOOK_ENDPOINTS: '1000',
    },
    upstream: { seed, rates: noFaults, taskSeconds: [1, 1], listing: false },
    log,
  });
  const violations: string[] = [];
  try {
    const endpoints: Endpoint[] = [];
    for (const receiver of receivers) endpoints.push(await createEndpoint(harness, receiver));
    const events = Math.ceil(size / count);
    const ids = await prepareJobs(harness, events, 'default');
    log(`${count} endpoints, ${events} jobs after ${secondsSince(from)} s`);

    // All jobs end at about the same time, at one instance. After that, gateways are killed, and only committed events
    // count.
    const callers = startCallers([harness.gateways[0]!.url], SECRET);
    const sent = await callBack(
      callers,
      ids,
      ids.map((_, index) => 5 * index),
      () => undefined,
    );
    await callers.stop();
    const refused = sent.filter(({ status }) => status !== '200').length;
    if (refused > 0) violations.push(`${refused} callbacks were refused`);
    const kills = await killWhileDelivering(harness, Math.max(1, Math.round((size / 1_000) * KILLS_PER_THOUSAND)), log);
    await untilSettled(harness);
    log(`settled after ${secondsSince(from)} s, ${kills} gateways killed`);

    violations.push(
      ...endpoints.flatMap((endpoint) => violationsAt(endpoint, events)),
      ...(await violationsIn(harness, endpoints, events)),
    );
    if (canary.seen.length > 0) violations.push(`${canary.seen.length} redirects were followed`);
    const tries = receivers.flatMap(({ seen }) => seen);
    return {
      figures: {
        deliveries: events * count,
        receivers: countOf(receivers.map(({ manner }) => manner)),
        tries: tries.length,
        answers: countOf(tries.map(({ status }) => String(status))),
        kills,
        repeatedAfter200: receivers.reduce(
          (sum, { seen }) =>
            sum +
            seen.filter(({ status }) => status === 200).length -
            new Set(seen.filter(({ status }) => status === 200).map(({ id }) => id)).size,
          0,
        ),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    for (const receiver of [...receivers, canary]) receiver.stop();
    await harness.stop(violations.length > 0);
  }
}

/** Of 100 receivers, 10 each fail, reset and hang, 1 answers 410, and 1 redirects. */
function mannersOf(count: number): Manner[] {
  const tenth = Math.max(1, Math.round(count / 10));
  const troubled: Manner[] = (['failing', 'resetting', 'hanging'] as const).flatMap((manner) =>
    Array.from({ length: tenth }, () => manner),
  );
  const lost: Manner[] = (['gone', 'redirecting'] as const).flatMap((manner) =>
    Array.from({ length: Math.max(1, Math.round(count / 100)) }, () => manner),
  );
  return [
    ...troubled,
    ...lost,
    ...Array.from({ length: count - troubled.length - lost.length }, (): Manner => 'healthy'),
  ];
}

async function createEndpoint(harness: Harness, receiver: Receiver): Promise<Endpoint> {
  const query =
    'mutation ($input: CreateWebhookEndpointInput!) { created: createWebhookEndpoint(input: $input) { secret endpoint { id } userErrors { code message } } }';
  const reply = await harness.send<{ created: { secret: string; endpoint: { id: string } } }>(harness.gateways[0]!, {
    query,
    variables: { input: { url: receiver.url } },
  });
  const created = reply.kind === 'answered' ? reply.answer.data?.created : null;
  if (!created?.endpoint) throw new Error(`no endpoint was made: ${JSON.stringify(reply)}`);
  return { id: created.endpoint.id, secret: created.secret, receiver };
}

/** Kills the gateways alternately. The other one keeps running. */
async function killWhileDelivering(harness: Harness, count: number, log: (message: string) => void): Promise<number> {
  for (let kill = 0; kill < count; kill += 1) {
    const gateway = harness.gateways[kill % harness.gateways.length]!;
    await gateway.kill();
    await gateway.start();
    log(`killed ${gateway.name}`);
    await setTimeout(KILL_EVERY_MS);
  }
  return count;
}

async function untilSettled(harness: Harness): Promise<void> {
  for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(500)) {
    const [row] = await harness.database.query<{ due: number }>(
      'select ((select count(*) from webhook_deliveries where next_attempt_at is not null) + (select count(*) from webhook_events where needs_fan_out))::int as due',
    );
    if (row!.due === 0) return;
  }
}

/** Returns the violations in what the receiver has seen. */
function violationsAt({ secret, receiver: { manner, seen } }: Endpoint, events: number): string[] {
  const violations: string[] = [];
  const webhook = new Webhook(secret);
  const byId = groupById(seen);
  for (const { body, headers } of seen) {
    try {
      webhook.verify(body, headers);
    } catch (error) {
      violations.push(`${manner}: a signature does not verify: ${String(error)}`);
    }
  }
  for (const [id, tries] of byId) {
    if (new Set(tries.map(({ body }) => body)).size !== 1)
      violations.push(`${manner}: ${id} came with different bodies`);
    if (manner === 'redirecting' && tries.length < STEPS.length + 1)
      violations.push(`${manner}: ${id} was tried ${tries.length} times`);
  }
  const delivered = [...byId.values()].filter((tries) => tries.some(({ status }) => status === 200)).length;
  const expected = manner === 'gone' || manner === 'redirecting' ? 0 : events;
  if (delivered !== expected) violations.push(`${manner}: ${delivered} events were delivered, of ${events}`);
  return violations;
}

/** Returns the violations in what the database has recorded. */
async function violationsIn(harness: Harness, endpoints: readonly Endpoint[], events: number): Promise<string[]> {
  const rows = await harness.database.query<{
    id: string;
    status: string;
    reason: string | null;
    delivered: number;
    failed: number;
    stopped: number;
    due: number;
  }>(`select e.id, e.status, e.disabled_reason as reason,
    count(*) filter (where d.state = 'DELIVERED')::int as delivered, count(*) filter (where d.state = 'FAILED')::int as failed, count(*) filter (where d.state = 'STOPPED')::int as stopped, count(*) filter (where d.state = 'DUE')::int as due
    from webhook_endpoints e left join webhook_deliveries d on d.endpoint_id = e.id group by e.id`);
  const found = new Map(rows.map((row) => [row.id, row]));
  const violations: string[] = [];
  for (const {
    id,
    receiver: { manner },
  } of endpoints) {
    const row = found.get(id);
    const right =
      row !== undefined &&
      row.due === 0 &&
      (manner === 'gone'
        ? row.status === 'DISABLED' && row.reason === 'GONE' && row.failed > 0 && row.failed + row.stopped <= events
        : manner === 'redirecting'
          ? row.failed === events
          : row.delivered === events && row.status === 'ACTIVE');
    if (!right) violations.push(`${manner}: ${JSON.stringify(row)}, of ${events} events`);
  }
  const stepsFound = await harness.database
    .query<Step>(`select endpoint_id as "endpointId", number, (extract(epoch from at) * 1000)::float8 as at, (extract(epoch from lag(at) over (partition by delivery_id order by number)) * 1000)::float8 as before
    from webhook_attempts join webhook_deliveries on id = delivery_id`);
  violations.push(
    ...violationsOfSchedule(stepsFound, new Map(endpoints.map(({ id, receiver: { manner } }) => [id, manner]))),
  );
  const [stored] = await harness.database.query<{ events: number }>(
    'select count(distinct event_id)::int as events from webhook_deliveries',
  );
  if (stored!.events !== events) violations.push(`${stored!.events} events of ${events} jobs`);
  return violations;
}

interface Step {
  readonly endpointId: string;
  readonly number: number;
  readonly at: number;
  /** When the previous attempt was recorded; null for the first one. */
  readonly before: number | null;
}

/** Judges by the recorded attempts. The attempt of a killed worker is not recorded, and its delivery is made again. */
function violationsOfSchedule(steps: readonly Step[], mannerOf: ReadonlyMap<string, Manner>): string[] {
  const violations: string[] = [];
  // A host that hangs gets a single attempt at a time, for which its other deliveries wait.
  const prompt = steps.filter(({ endpointId }) => mannerOf.get(endpointId) !== 'hanging');
  // A retry comes after the first attempts that were due before it.
  const backlogEnd = prompt.reduce((latest, { number, at }) => (number === 1 ? Math.max(latest, at) : latest), 0);
  for (const { endpointId, number, at, before } of steps) {
    if (before === null) continue;
    const [gap, step] = [at - before, 1_000 * STEPS[number - 2]!];
    const least = step * (1 - JITTER) - SLACK_MS;
    if (gap < least)
      violations.push(
        `${mannerOf.get(endpointId)}: try ${number} was recorded ${Math.round(gap)} ms after the one before, and not ${Math.round(least)}`,
      );
  }
  for (const { endpointId, number, at, before } of prompt) {
    if (before === null) continue;
    const [gap, step] = [at - Math.max(before, backlogEnd), 1_000 * STEPS[number - 2]!];
    const most = step * (1 + JITTER) + LATE_MS;
    if (gap > most)
      violations.push(
        `${mannerOf.get(endpointId)}: try ${number} was recorded ${Math.round(gap)} ms after it could be made, and at most ${Math.round(most)} are the schedule's`,
      );
  }
  return violations;
}

function groupById(seen: readonly Seen[]): Map<string, Seen[]> {
  const groups = new Map<string, Seen[]>();
  for (const one of seen) groups.set(one.id, [...(groups.get(one.id) ?? []), one]);
  return groups;
}
