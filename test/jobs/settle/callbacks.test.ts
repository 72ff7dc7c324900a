import { createHash, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { asAdministrator } from '../../support/database.ts';
import { callBack, failureOf, recordOf, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { publicAddress, startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';

/** Starts a gateway whose public URL is its own address; the fake upstream runs on the same machine. */
async function startWithUpstream(overrides: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, ...(await publicAddress()), ...overrides });
  return { upstream, ...gateway };
}

const usual = shared(() => startWithUpstream());
const quick = shared(() => startWithUpstream({ POLL_FIRST_SECONDS: '0.05', POLL_INTERVAL_SECONDS: '0.05' }));

/** Creates a job that the upstream has accepted. */
async function startProcessing(started = usual()) {
  const job = await started.client.generate();
  const submit = await started.upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  const states = started.client.watch(job.id);
  for await (const { data } of states) if (data?.jobUpdated.state === 'PROCESSING') break;
  return { ...started, job, taskId, callbackUrl: submit.body.callback_url! };
}

async function callBackEncoded(url: string, encoding: string, body: Buffer): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': encoding },
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return response.status;
}

const inboxOf = (databaseUrl: string, { id }: { readonly id: string }) =>
  asAdministrator<{ verdict: string; body: string; hash: string }>(
    `select verdict, body, body_hash as hash from callbacks where job_id = '${id}' order by received_at`,
    databaseUrl,
  );

describe('a callback', () => {
  test('settles its job and is stored without the signature of its link', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(200);
    expect(await client.find(job.id)).toMatchObject({
      state: 'SUCCEEDED',
      settledBy: 'CALLBACK',
      video: { id: '842578800134742051', url: 'https://cdn.example.com/result.mp4?sign=secret' },
    });
    const [kept] = await inboxOf(databaseUrl, job);
    expect(kept!.verdict).toBe('APPLIED');
    expect(kept!.body).not.toContain('secret');
  });

  test.each([[''], ['json'], ['application/json; charset=nonsense'], ['text/html'], [undefined]])(
    'settles its job with Content-Type %j',
    async (contentType) => {
      const { client, job, taskId, callbackUrl } = await startProcessing();
      const answer = new Promise<number>((resolve, reject) => {
        const sent = request(
          callbackUrl,
          { method: 'POST', headers: contentType === undefined ? {} : { 'content-type': contentType } },
          (response) => resolve(response.resume().statusCode!),
        );
        sent.on('error', reject).end(JSON.stringify(successOf(taskId)));
      });
      expect(await answer).toBe(200);
      expect(await client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
    },
  );

  test('that reports a failure fails the job with the reason', async () => {
    const { client, job, taskId, callbackUrl } = await startProcessing();
    expect(await callBack(callbackUrl, failureOf(taskId))).toBe(200);
    expect(await client.find(job.id)).toMatchObject({
      state: 'FAILED',
      failure: {
        code: 'UPSTREAM_FAILED',
        upstreamCode: 'api_error',
        message: 'fetch failed',
        final: true,
        charge: 'NOT_CHARGED',
      },
    });
  });

  test('that contradicts a claim that still waits for its look-up is not trusted; one look-up decides on both', async () => {
    const { client, upstream } = usual();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const taskId = randomUUID();
    const callbackUrl = submit.body.callback_url!;
    // The callback overtakes the answer to the submit, and the record that the look-up would find.
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(200);
    await expect.poll(() => upstream.lookUps).toContainEqual([taskId]);
    submit.answer(200, { task_id: taskId });
    await expect.poll(() => client.find(job.id)).toMatchObject({ state: 'PROCESSING', taskId });
    upstream.records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
    expect(await callBack(callbackUrl, failureOf(taskId))).toBe(200);
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
  });

  test('that arrives several times concurrently is answered 200 each time and changes the job once', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    const before = (await client.find(job.id))!.version;
    const statuses = await Promise.all(Array.from({ length: 10 }, () => callBack(callbackUrl, successOf(taskId))));
    expect(statuses).toEqual(Array(10).fill(200));
    expect((await client.find(job.id))!.version).toBe(before + 1);
    expect(await inboxOf(databaseUrl, job)).toHaveLength(1);
  });

  test('that overtakes the answer to the submit is confirmed by a look-up and settles the job', async () => {
    const { client, upstream, databaseUrl } = quick();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    expect(await callBack(submit.body.callback_url!, successOf(taskId))).toBe(200);
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', taskId, settledBy: 'POLL' });
    const { version } = (await client.find(job.id))!;
    submit.answer(200, { task_id: taskId });
    await expect
      .poll(() =>
        asAdministrator(
          `select 1 as one from job_events where type = 'ATTEMPT_ENDED' and job_id = '${job.id}'`,
          databaseUrl,
        ),
      )
      .toHaveLength(1);
    expect((await client.find(job.id))!.version).toBe(version);
  });

  test("that claims another job's task before the answer to the submit is refuted by the callback URL that the task echoes", async () => {
    const { client, upstream, databaseUrl } = quick();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const foreign = randomUUID();
    upstream.records.set(foreign, recordOf(foreign, 'https://elsewhere.example.com/callbacks/x', successOf(foreign)));
    expect(await callBack(submit.body.callback_url!, successOf(foreign))).toBe(200);
    await expect.poll(async () => (await inboxOf(databaseUrl, job)).map(({ verdict }) => verdict)).toEqual(['REFUTED']);
    expect(await client.find(job.id)).toMatchObject({ state: 'SUBMITTING', taskId: null });
    submit.answer(200, { task_id: randomUUID() });
  });

  test('that claims success for a failed job is trusted only after a look-up', async () => {
    const { client, job, upstream, taskId, callbackUrl, databaseUrl } = await startProcessing(quick());
    const verdicts = async () => (await inboxOf(databaseUrl, job)).map(({ verdict }) => verdict);
    expect(await callBack(callbackUrl, failureOf(taskId))).toBe(200);
    upstream.records.set(taskId, recordOf(taskId, callbackUrl, failureOf(taskId)));
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(200);
    // The look-up confirms the task, and the upstream still reports that it failed.
    await expect.poll(verdicts).toEqual(['APPLIED', 'CONFIRMED']);
    expect(await client.find(job.id)).toMatchObject({ state: 'FAILED', settledBy: 'CALLBACK', video: null });

    upstream.records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
    expect(await callBack(callbackUrl, { ...successOf(taskId), again: true })).toBe(200);
    await expect
      .poll(() => client.find(job.id))
      .toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL', failure: null });
    expect(await verdicts()).toEqual(['APPLIED', 'CONFIRMED', 'CONFIRMED']);
  });

  test('that claims failure for a succeeded job changes nothing and is logged', async () => {
    const { client, job, taskId, callbackUrl, logs, databaseUrl } = await startProcessing();
    await callBack(callbackUrl, successOf(taskId));
    expect(await callBack(callbackUrl, failureOf(taskId))).toBe(200);
    expect(await client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', failure: null });
    expect((await inboxOf(databaseUrl, job)).map(({ verdict }) => verdict)).toEqual(['APPLIED', 'CONTRADICTED']);
    expect(logs).toContainEqual(
      expect.objectContaining({ level: 50, jobId: job.id, msg: 'the upstream contradicts the recorded end of a job' }),
    );
  });

  test.each<[string, (taskId: string) => unknown]>([
    [
      'success together with an error',
      (taskId) => ({ ...successOf(taskId), error: { code: 'api_error', message: 'odd' } }),
    ],
    ['a bare error string', (taskId) => ({ success: false, error: 'still running', task_id: taskId })],
    ['success without a URL', (taskId) => ({ success: true, state: 'succeed', task_id: taskId })],
    ['malformed JSON', () => '{"success": tr'],
    ['an empty body', () => ''],
    ['binary data', () => '\u0000\u0001\ufffd'],
  ])('with %s is stored, answered 200, and followed by a look-up', async (_name, body) => {
    const { client, job, upstream, taskId, callbackUrl, databaseUrl } = await startProcessing();
    upstream.records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
    expect(await callBack(callbackUrl, body(taskId))).toBe(200);
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
    expect(await inboxOf(databaseUrl, job)).toHaveLength(1);
  });

  test('of exactly the size limit is read in full', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing(
      await startWithUpstream({ MAX_BODY_BYTES: '2048' }),
    );
    const body = JSON.stringify({ ...successOf(taskId), padding: '' });
    const exact = body.replace('"padding":""', `"padding":"${'x'.repeat(2_048 - body.length)}"`);
    expect(Buffer.byteLength(exact)).toBe(2_048);
    expect(await callBack(callbackUrl, exact)).toBe(200);
    expect(await client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
    expect((await inboxOf(databaseUrl, job)).map(({ verdict }) => verdict)).toEqual(['APPLIED']);
    expect(await callBack(callbackUrl, `${exact} `)).toBe(413);
  });

  test.each<[string, string, (body: string) => Buffer]>([
    ['gzip', 'gzip', gzipSync],
    ['deflate', 'deflate', deflateSync],
    ['br', 'br', brotliCompressSync],
    ['gzip in capitals', 'GZIP', gzipSync],
  ])('that is compressed with %s is decompressed', async (_name, encoding, compress) => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    expect(await callBackEncoded(callbackUrl, encoding, compress(JSON.stringify(successOf(taskId))))).toBe(200);
    expect(await client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
    const [kept] = await inboxOf(databaseUrl, job);
    expect(kept).toMatchObject({ verdict: 'APPLIED', body: expect.stringContaining(taskId) as string });
    expect(kept!.body).not.toContain('secret');
  });

  test.each<[string, string, (body: string) => Buffer]>([
    ['an unknown encoding', 'zstd', (body) => Buffer.from(body).reverse()],
    ['an encoding named like an inherited property', 'constructor', (body) => Buffer.from(body).reverse()],
    ['an encoding that does not match the body', 'gzip', (body) => Buffer.from(body).subarray(1)],
    ['a truncated body', 'gzip', (body) => gzipSync(body).subarray(0, 40)],
    ['a body over the limit after decompression', 'gzip', (body) => gzipSync(body.padEnd(70_000))],
  ])('that is undecodable (%s) is stored, answered 200, and followed by a look-up', async (_name, encoding, encode) => {
    const { client, job, upstream, taskId, callbackUrl, databaseUrl } = await startProcessing();
    upstream.records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
    expect(await callBackEncoded(callbackUrl, encoding, encode(JSON.stringify(successOf(taskId))))).toBe(200);
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
    expect(await inboxOf(databaseUrl, job)).toHaveLength(1);
  });

  test('over the size limit is answered 413, stored in part, and followed by a look-up', async () => {
    const { client, job, upstream, taskId, callbackUrl, databaseUrl } = await startProcessing();
    upstream.records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
    const body = { ...successOf(taskId), padding: 'x'.repeat(70_000) };
    expect(await callBack(callbackUrl, body)).toBe(413);
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
    const [kept] = await inboxOf(databaseUrl, job);
    // The link in the body is redacted, which makes it slightly shorter or longer.
    expect(Math.abs(kept!.body.length - 65_536)).toBeLessThan(100);
    expect(kept!.hash).toBe(createHash('sha256').update(JSON.stringify(body).slice(0, 65_536)).digest('hex'));
  });

  test('that is forged is answered 404 with an empty body, and is not stored', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl, url } = await startProcessing();
    const before = await client.find(job.id);
    const countCallbacks = () => asAdministrator('select count(*)::int as count from callbacks', databaseUrl);
    const countBefore = await countCallbacks();
    const [, token] = /\/([^/]+)$/.exec(callbackUrl)!;
    const [attempt, keyId, mac] = token!.split('.') as [string, string, string];
    const flipped = `${mac.slice(0, -2)}${mac.at(-2) === 'A' ? 'Q' : 'A'}${mac.at(-1)}`;
    for (const forged of [
      `${attempt}.${keyId}.${flipped}`,
      `2.${keyId}.${mac}`,
      `${attempt}.AAAAAAAA.${mac}`,
      `${attempt}.${keyId}.`,
      `${attempt}.${keyId}.${mac}x`,
      'x',
      `0${attempt}.${keyId}.${mac}`,
    ]) {
      const response = await fetch(`${url}/callbacks/${job.id}/${forged}`, {
        method: 'POST',
        body: JSON.stringify(successOf(taskId)),
      });
      expect([response.status, await response.text()], forged).toEqual([404, '']);
    }
    const elsewhere = await fetch(callbackUrl.replace(job.id, randomUUID()), { method: 'POST', body: '{}' });
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, '']);
    expect(await client.find(job.id)).toEqual(before);
    expect(await inboxOf(databaseUrl, job)).toEqual([]);
    expect(await countCallbacks()).toEqual(countBefore);
  });

  test('appears in the log with its route, never with its URL', async () => {
    const { taskId, callbackUrl, logs } = await startProcessing();
    const before = logs.length;
    await callBack(callbackUrl, successOf(taskId));
    expect(JSON.stringify(logs.slice(before))).toContain('/callbacks/:jobId/:token');
    const text = JSON.stringify(logs);
    expect(text).not.toContain(/\/([^/]+)$/.exec(callbackUrl)![1]);
    expect(text).not.toContain('sign=secret');
  });
});
