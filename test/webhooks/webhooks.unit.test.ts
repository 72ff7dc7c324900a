import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/webhooks/deliver.ts';
import { encodePayload } from '../../src/webhooks/payload.ts';
import { nextTryMs } from '../../src/webhooks/retry-schedule.ts';
import { createSealer } from '../../src/webhooks/seal-secrets.ts';
import { makeSecret, signedHeaders } from '../../src/webhooks/sign.ts';

describe('a signature', () => {
  test('matches the example in the standard', () => {
    const body = '{"test": 2432232314}';
    expect(
      signedHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, body),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('exists for each secret, so that a receiver that knows any of them accepts the webhook', () => {
    const secrets = [makeSecret(), makeSecret()];
    const [body, seconds] = ['{"a":"ü"}', Math.floor(Date.now() / 1_000)];
    const headers = signedHeaders(secrets, 'evt_1', seconds, body);
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual({ a: 'ü' });
    expect(() => new Webhook(makeSecret()).verify(body, headers)).toThrow();
    expect(() => new Webhook(secrets[0]!).verify('{"a":"u"}', headers)).toThrow();
    const [mine] = headers['webhook-signature']!.split(' ');
    expect(mine).toBe(
      `v1,${createHmac('sha256', Buffer.from(secrets[0]!.slice(6), 'base64'))
        .update(`evt_1.${seconds}.${body}`)
        .digest('base64')}`,
    );
  });

  test('uses a secret of 32 random bytes', () => {
    const secret = makeSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(makeSecret()).not.toBe(secret);
  });
});

describe('a sealed secret', () => {
  const broken = expect.objectContaining({
    name: 'BrokenSealError',
    message: 'a sealed secret cannot be opened with any secret of APP_SECRET',
  }) as Error;

  test('opens only in its context and with its application secret', () => {
    const sealer = createSealer(['one']);
    const sealed = sealer.seal('whsec_ü', 'account a');
    expect(sealed.startsWith(sealer.mark)).toBe(true);
    expect(sealer.mark).toMatch(/^v1\.[\w-]{8}\.$/);
    expect(sealer.open(sealed, 'account a')).toBe('whsec_ü');
    expect(sealer.seal('whsec_ü', 'account a')).not.toBe(sealed);
    expect(() => sealer.open(sealed, 'account b')).toThrow(broken);
    expect(() => createSealer(['two']).open(sealed, 'account a')).toThrow(broken);
  });

  test('survives a rotation of the application secret while the old one is listed', () => {
    const [before, rotated] = [createSealer(['old']), createSealer(['new', 'old'])];
    expect(rotated.open(before.seal('s', 'c'), 'c')).toBe('s');
    expect(createSealer(['new']).open(rotated.seal('s', 'c'), 'c')).toBe('s');
    expect(rotated.mark).not.toBe(before.mark);
    expect(() => createSealer([])).toThrow('sealing needs a secret');
  });

  test('that is changed at any position does not open', () => {
    const sealer = createSealer(['one']);
    const sealed = sealer.seal('a secret', 'c');
    for (let place = 0; place < sealed.length; place += 1) {
      // The last base64 characters may have bits that decoding ignores.
      const other = sealed[place] === 'A' ? 'Q' : 'A';
      expect(
        () => sealer.open(`${sealed.slice(0, place)}${other}${sealed.slice(place + 1)}`, 'c'),
        String(place),
      ).toThrow(broken);
    }
    for (const text of [
      '',
      sealer.mark,
      `${sealer.mark}AAAA`,
      `x${sealed}`,
      `${sealed} `,
      sealed.slice(0, -4),
      sealed.replace('v1', 'v2'),
    ])
      expect(() => sealer.open(text, 'c'), text).toThrow(broken);
  });

  test('stays readable across releases', () => {
    expect(
      createSealer(['a secret of the tests']).open(
        'v1.Q6slNlhS.mTIgYleFBenrGD2s_Ou_oQbYr1sk7ChtoSsE8mjmQCIAxZdK-z6lbQ',
        'account a',
      ),
    ).toBe('whsec_sealed');
  });
});

describe('the body of a webhook', () => {
  const at = new Date('2026-03-01T00:00:00.001Z');
  const parse = (job: object) =>
    JSON.parse(encodePayload('motion_job.succeeded', at, job as Record<string, unknown>)) as {
      data: { job: Record<string, unknown>; omitted?: string[] };
    };

  test('has the type, the time and the job', () => {
    expect(parse({ id: 'j', prompt: 'p' })).toEqual({
      type: 'motion_job.succeeded',
      timestamp: '2026-03-01T00:00:00.001Z',
      data: { job: { id: 'j', prompt: 'p' } },
    });
  });

  test('omits fields of the client, one after another, until it is below 20 kB, and names them', () => {
    const long = 'x'.repeat(20_000);
    const job = { id: 'j', labels: 'l', prompt: 'p', imageUrl: 'i', videoUrl: 'v' };
    expect(parse({ ...job, labels: long })).toMatchObject({
      data: { job: { ...job, labels: null }, omitted: ['labels'] },
    });
    expect(parse({ ...job, prompt: long })).toMatchObject({
      data: { job: { ...job, labels: null, prompt: null }, omitted: ['labels', 'prompt'] },
    });
    expect(parse({ ...job, imageUrl: long })).toMatchObject({
      data: { job: { ...job, labels: null, prompt: null, imageUrl: null }, omitted: ['labels', 'prompt', 'imageUrl'] },
    });
    expect(parse({ ...job, videoUrl: long })).toMatchObject({
      data: { job: { id: 'j', videoUrl: null }, omitted: ['labels', 'prompt', 'imageUrl', 'videoUrl'] },
    });
    expect(parse({ ...job, id: long })).toMatchObject({
      data: { job: { id: long, videoUrl: null }, omitted: ['labels', 'prompt', 'imageUrl', 'videoUrl'] },
    });
  });

  test('is measured in bytes', () => {
    const overhead = Buffer.byteLength(encodePayload('motion_job.succeeded', at, { labels: '' }));
    const left = (labels: string) => parse({ labels }).data.job.labels !== null;
    expect([19_999, 20_000].map((size) => left('x'.repeat(size - overhead)))).toEqual([true, false]);
    expect(left('ü'.repeat(Math.ceil((20_000 - overhead) / 2)))).toBe(false);
  });
});

test('a delivery is retried after each step, plus or minus 20 %, and then no more', () => {
  const steps = [1_000, 60_000];
  expect([0, 0.5, 1].map((chance) => nextTryMs(1, steps, chance))).toEqual([800, 1_000, 1_200]);
  expect([2, 3, 4].map((failures) => nextTryMs(failures, steps, 0.5))).toEqual([60_000, null, null]);
  expect(nextTryMs(1, [3], 0.1)).toBe(3);
  expect(nextTryMs(1, [], 0.5)).toBeNull();
});

describe('an answer', () => {
  const answered = (httpStatus: number) => ({ kind: 'answered', httpStatus, ms: 7 }) as Parameters<typeof judge>[0];
  test.each([200, 204, 299])('of %i marks the delivery as delivered', (httpStatus) => {
    expect(judge(answered(httpStatus), 0, [1_000], 0.5)).toEqual({
      httpStatus,
      failure: null,
      latencyMs: 7,
      state: 'DELIVERED',
      nextInMs: null,
    });
  });
  test.each([199, 300, 302, 400, 404, 409, 411, 500])('of %i is followed by a retry', (httpStatus) => {
    expect(judge(answered(httpStatus), 0, [1_000], 0.5)).toEqual({
      httpStatus,
      failure: null,
      latencyMs: 7,
      state: 'DUE',
      nextInMs: 1_000,
    });
  });
  test('of 410 ends the delivery without a retry', () => {
    expect(judge(answered(410), 0, [1_000], 0.5)).toEqual({
      httpStatus: 410,
      failure: null,
      latencyMs: 7,
      state: 'FAILED',
      nextInMs: null,
    });
  });
  test('that does not arrive is followed by one retry for each step', () => {
    const failed = { kind: 'failed', reason: 'TIMED_OUT', ms: 9 } as const;
    const of = (before: number) => judge(failed, before, [1_000, 2_000], 0.5);
    const told = { httpStatus: null, failure: 'TIMED_OUT', latencyMs: 9 };
    expect([of(0), of(1), of(2)]).toEqual([
      { ...told, state: 'DUE', nextInMs: 1_000 },
      { ...told, state: 'DUE', nextInMs: 2_000 },
      { ...told, state: 'FAILED', nextInMs: null },
    ]);
  });
});
