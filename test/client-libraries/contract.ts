/**
 * The operations that every GraphQL client library must support with the gateway, without gateway-specific settings.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { reportSuccess, startFakeUpstream, successOf, type FakeUpstream } from '../support/fake-upstream.ts';
import { publicAddress, startGateway, type TestGateway } from '../support/gateway.ts';

export interface Endpoint {
  readonly httpUrl: string;
  readonly webSocketUrl: string;
  readonly authorization: string;
}

interface Observer {
  next(data: Data): void;
  error(error: unknown): void;
  complete(): void;
}

/** The data of a response, as a library returns it. */
export type Data = Record<string, unknown>;

/**
 * One library, configured as its documentation describes. Operations reject, or call `error`, with the library's own
 * errors.
 */
interface ClientLibrary {
  query(document: string, variables: Data): Promise<Data>;
  mutate(document: string, variables: Data): Promise<Data>;
  /** Null for a library that does not support subscriptions. */
  readonly subscribe: ((document: string, variables: Data, observer: Observer) => () => void) | null;
  /** Returns the `extensions.code` of each GraphQL error in a library error. */
  codesOf(error: unknown): unknown[];
  stop(): void | Promise<void>;
}

export type Connect = (endpoint: Endpoint) => ClientLibrary;

const GENERATE = `mutation Generate($input: GenerateMotionInput!) {
  generateMotion(input: $input) { job { id state } userErrors { code message } }
}`;
const JOB = 'query Job($id: ID!) { motionJob(id: $id) { id state video { url } } }';
const JOBS = 'query Jobs($first: Int) { motionJobs(first: $first) { nodes { id state } } }';
const WATCH = 'subscription Watch($id: ID!) { jobUpdated(id: $id) { id state video { url } } }';
const MEDIA = { imageUrl: 'https://cdn.acedata.cloud/a.png', videoUrl: 'https://cdn.acedata.cloud/a.mp4' };
const UNKNOWN_JOB = '019a0000-0000-7000-8000-000000000000';

interface Generated {
  readonly generateMotion: {
    readonly job: { readonly id: string; readonly state: string } | null;
    readonly userErrors: readonly { readonly code: string }[];
  };
}
interface Found {
  readonly motionJob: {
    readonly id: string;
    readonly state: string;
    readonly video: { readonly url: string } | null;
  } | null;
}
interface Watched {
  readonly jobUpdated: NonNullable<Found['motionJob']>;
}

export function describeClientLibrary(name: string, connect: Connect): void {
  describe(name, () => {
    test('runs a query and a mutation, and watches a job until it ends', async () => {
      const { upstream, library } = await startWithLibrary(connect);
      const job = await generate(library);
      const watch = watchJob(library, job.id);
      const { taskId, callbackUrl } = await take(upstream, library, job.id);
      await watch?.until('PROCESSING');
      expect(await reportSuccess(upstream, callbackUrl, taskId)).toBe(200);
      const succeeded = { id: job.id, state: 'SUCCEEDED', video: { url: successOf(taskId).video_url } };
      await expectEnd(watch, succeeded);
      expect(await findJob(library, job.id)).toMatchObject(succeeded);
    });

    test('returns user errors as data, and reports other errors with their codes', async () => {
      const { gateway, upstream, library } = await startWithLibrary(connect);
      const { generateMotion } = (await library.mutate(GENERATE, {
        input: { ...MEDIA, imageUrl: 'no url' },
      })) as unknown as Generated;
      expect(generateMotion).toMatchObject({ job: null, userErrors: [{ code: 'INVALID_URL' }] });
      expect(await codesOfRejection(library, library.query(JOBS, { first: 1_000 }))).toEqual(['BAD_USER_INPUT']);
      expect(upstream.submitCount()).toBe(0);
      const stranger = connect({ ...endpointOf(gateway), authorization: 'Bearer mg_of-nobody' });
      expect(await codesOfRejection(stranger, stranger.query(JOBS, {}))).toHaveLength(1);
      await stranger.stop();
    });

    test('reports the error of one subscription and continues the others', async () => {
      const { upstream, library } = await startWithLibrary(connect);
      if (!library.subscribe) return;
      const job = await generate(library);
      const watch = watchJob(library, job.id);
      const { error } = await watchJob(library, UNKNOWN_JOB)!.end;
      expect(library.codesOf(error)).toEqual(['NOT_FOUND']);
      const { taskId, callbackUrl } = await take(upstream, library, job.id);
      expect(await reportSuccess(upstream, callbackUrl, taskId)).toBe(200);
      await expectEnd(watch, { state: 'SUCCEEDED' });
    });

    test('continues after a restart of the gateway', async () => {
      const { gateway, restart, upstream, library } = await startWithLibrary(connect);
      const job = await generate(library);
      const { taskId, callbackUrl } = await take(upstream, library, job.id);
      const watch = watchJob(library, job.id);
      await watch?.until('PROCESSING');
      await gateway.stop();
      await restart();
      expect(await findJob(library, job.id)).toMatchObject({ state: 'PROCESSING' });
      expect(await reportSuccess(upstream, callbackUrl, taskId)).toBe(200);
      await expectEnd(watch, { state: 'SUCCEEDED' });
      const other = (await library.mutate(GENERATE, { input: MEDIA })) as unknown as Generated;
      expect(other.generateMotion.job?.id).not.toBe(job.id);
    });
  });
}

const endpointOf = ({ url, apiKey }: TestGateway): Endpoint => ({
  httpUrl: `${url}/graphql`,
  webSocketUrl: `${url.replace(/^http/, 'ws')}/graphql`,
  authorization: `Bearer ${apiKey}`,
});

/**
 * Starts a gateway that can be restarted at the same address and on the same database. The library stops before the
 * gateway does.
 */
async function startWithLibrary(connect: Connect) {
  const upstream = await startFakeUpstream();
  const settings = {
    ...upstream.settings,
    DATABASE_URL: await createDatabase(),
    ...(await publicAddress()),
    UPSTREAM_MAX_IN_FLIGHT: '10',
  };
  const libraries: ClientLibrary[] = [];
  const stopLibraries = async () => {
    for (const library of libraries) await library.stop();
  };
  const gateway = await startGateway(settings, stopLibraries);
  const library = connect(endpointOf(gateway));
  libraries.push(library);
  return { upstream, library, gateway, restart: () => startGateway(settings, stopLibraries) };
}

async function generate(library: ClientLibrary): Promise<{ readonly id: string }> {
  const { generateMotion } = (await library.mutate(GENERATE, { input: MEDIA })) as unknown as Generated;
  expect(generateMotion).toMatchObject({ job: { state: 'QUEUED' }, userErrors: [] });
  return generateMotion.job!;
}

async function findJob(library: ClientLibrary, id: string): Promise<Found['motionJob']> {
  return ((await library.query(JOB, { id })) as unknown as Found).motionJob;
}

interface Taken {
  readonly taskId: string;
  readonly callbackUrl: string;
}

/**
 * Lets the upstream accept the submit of this job, and waits until the gateway has stored the acceptance. An earlier
 * callback is also answered 200, but the job ends only after the acceptance is stored.
 */
async function take(upstream: FakeUpstream, library: ClientLibrary, jobId: string): Promise<Taken> {
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await findJob(library, jobId))?.state).toBe('PROCESSING');
  return { taskId, callbackUrl: submit.body.callback_url! };
}

interface WatchEnd {
  readonly states: readonly Watched['jobUpdated'][];
  /** The library's error; undefined if the server completed the subscription. */
  readonly error?: unknown;
}

interface Watch {
  /** Resolves once the subscription has delivered this state. */
  until(state: string): Promise<void>;
  readonly end: Promise<WatchEnd>;
}

function watchJob(library: ClientLibrary, id: string): Watch | null {
  const { subscribe } = library;
  if (!subscribe) return null;
  const states: Watched['jobUpdated'][] = [];
  const end = new Promise<WatchEnd>((resolve) => {
    subscribe(
      WATCH,
      { id },
      {
        next: (data) => void states.push((data as unknown as Watched).jobUpdated),
        error: (error) => resolve({ states, error }),
        complete: () => resolve({ states }),
      },
    );
  });
  return { end, until: (state) => expect.poll(() => states.map((job) => job.state)).toContain(state) };
}

async function expectEnd(watch: Watch | null, last: object): Promise<void> {
  if (!watch) return;
  const { states, error } = await watch.end;
  expect(error).toBeUndefined();
  expect(states.at(-1)).toMatchObject(last);
}

async function codesOfRejection(library: ClientLibrary, promise: Promise<unknown>): Promise<unknown[]> {
  try {
    await promise;
  } catch (error) {
    return library.codesOf(error);
  }
  throw new Error('The operation was expected to fail.');
}
