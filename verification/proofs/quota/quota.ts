/**
 * A race for quota: far more concurrent mutations than the balance allows, on two instances. Exactly as many jobs are
 * accepted as the balance covers, all other calls are refused for exhausted quota, and the ledger adds up to the
 * balance.
 */
import { setTimeout } from 'node:timers/promises';
import { send } from '../../harness/graphql-client.ts';
import { ADMINISTRATOR_KEY, startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const CALL_TIMEOUT_MS = 60_000;
const MAX_REPEATS = 20;
const REPEAT_MS = 100;

const CREATE = 'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { key account { id } } }';
const GENERATE =
  'mutation ($input: GenerateMotionInput!) { payload: generateMotion(input: $input) { job { id } userErrors { code } } }';
const INPUT = { imageUrl: 'https://media.example.com/character.jpg', videoUrl: 'https://media.example.com/motion.mp4' };

export interface QuotaOptions extends ProofOptions {
  /** The quota of an account, in jobs. */
  readonly balance: number;
  /** The number of concurrent mutations. */
  readonly calls: number;
}

interface Call {
  readonly reason: string;
  readonly ms: number;
  readonly repeats: number;
}

interface Account {
  readonly id: string;
  readonly key: string;
}

/** `size` is the number of rounds. Each round has its own account. */
export async function proveQuota({ seed, size, dist, log, balance, calls }: QuotaOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    // Accepted jobs stay open, because the end of a job would release or charge its quota.
    settings: { UPSTREAM_MAX_IN_FLIGHT: '1', PLAYGROUND: 'off' },
    upstream: { seed, rates: noFaults, taskSeconds: [86_400, 86_400], listing: false },
    log,
  });
  const violations: string[] = [];
  try {
    const all: Call[] = [];
    for (let round = 1; round <= size; round += 1) {
      const account = await createAccount(harness, `round ${round}`, balance);
      const made = await Promise.all(
        Array.from({ length: calls }, (_, number) => call(harness, account.key, `${seed}-${round}-${number}`, number)),
      );
      all.push(...made);
      violations.push(
        ...(await violationsOf(harness, account, made, balance)).map((text) => `round ${round}: ${text}`),
      );
      if (round % 10 === 0) log(`${round} rounds after ${secondsSince(from)} s`);
    }
    return {
      figures: {
        rounds: size,
        balance,
        calls,
        answers: countOf(all.map(({ reason }) => reason)),
        repeated: all.filter(({ repeats }) => repeats > 0).length,
        ms: spreadOf(all.map(({ ms }) => ms)),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

async function createAccount(harness: Harness, name: string, quotaLimit: number): Promise<Account> {
  const reply = await send<{ createAccount: { key: string; account: { id: string } } }>(
    harness.gateways[0]!.url,
    ADMINISTRATOR_KEY,
    { query: CREATE, variables: { input: { name, quotaLimit } } },
  );
  const made = reply.kind === 'answered' ? reply.answer.data?.createAccount : null;
  if (!made) throw new Error(`no account was made: ${JSON.stringify(reply)}`);
  return { id: made.account.id, key: made.key };
}

/** Calls alternate between the instances. A call is repeated with its key while its outcome is unknown. */
async function call(harness: Harness, apiKey: string, idempotencyKey: string, number: number): Promise<Call> {
  const { url } = harness.gateways[number % 2]!;
  const from = performance.now();
  for (let repeats = 0; ; repeats += 1) {
    const reply = await send<{ payload: { job: object | null; userErrors: readonly { code: string }[] } | null }>(
      url,
      apiKey,
      { query: GENERATE, variables: { input: { ...INPUT, idempotencyKey } }, timeoutMs: CALL_TIMEOUT_MS },
    );
    const payload = reply.kind === 'answered' ? reply.answer.data?.payload : null;
    if (!payload && repeats < MAX_REPEATS) {
      await setTimeout(REPEAT_MS);
      continue;
    }
    const reason = !payload ? 'unanswered' : payload.job ? 'accepted' : (payload.userErrors[0]?.code ?? 'nothing');
    return { reason, repeats, ms: performance.now() - from };
  }
}

async function violationsOf(
  harness: Harness,
  { id }: Account,
  made: readonly Call[],
  balance: number,
): Promise<string[]> {
  const [found] = await harness.database.query<{ jobs: number; taken: number; entries: number; held: number }>(`select
    (select count(*)::int from jobs where account_id = a.id) as jobs, quota_taken as taken,
    (select count(*)::int from quota_ledger where account_id = a.id) as entries,
    (select count(*)::int from quota_ledger l join jobs j on j.id = l.job_id and j.account_id = a.id where l.account_id = a.id and kind = 'RESERVE') as held
    from accounts a where id = '${id}'`);
  const violations: string[] = [];
  const answers = countOf(made.map(({ reason }) => reason));
  const expected = { accepted: balance, QUOTA_EXHAUSTED: made.length - balance };
  if (answers.accepted !== expected.accepted || answers.QUOTA_EXHAUSTED !== expected.QUOTA_EXHAUSTED)
    violations.push(`answered ${JSON.stringify(answers)}, with ${balance} in the balance`);
  for (const name of ['jobs', 'taken', 'entries', 'held'] as const)
    if (found![name] !== balance) violations.push(`${name}: ${found![name]}, with ${balance} in the balance`);
  return violations;
}
