/** A gateway for tests that repeat REST requests, with an upstream that ends tasks when the test decides. */
import type { Agent } from 'node:http';
import type pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import { asAdministrator } from './database.ts';
import { startFakeUpstream, successOf } from './fake-upstream.ts';
import { startGateway } from './gateway.ts';
import { shared } from './on-end.ts';
import { createRestClient, openSubmit, type OpenRequest } from './rest.ts';

export async function startJoining(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const common = {
    ...upstream.settings,
    PUBLIC_URL: 'http://gateway.invalid',
    UPSTREAM_MAX_IN_FLIGHT: '100',
    REST_LEASE_SECONDS: '1',
    REST_CLOSE_SECONDS: '0.2',
    REST_RESET_SECONDS: '0.4',
    ...settings,
  };
  const gateway = await startGateway(common);
  const opened: OpenRequest[] = [];
  const gateways = [gateway];
  const sql = <Row extends pg.QueryResultRow>(text: string) => asAdministrator<Row>(text, gateway.databaseUrl);
  let tasks = 0;
  let submitsBefore = 0;
  let submitsTaken = 0;
  const nextSubmit = () => {
    submitsTaken += 1;
    return upstream.nextSubmit();
  };
  const finish = async () => (await nextSubmit()).answer(200, successOf(`task-${(tasks += 1)}`));
  const jobs = async () => (await sql<{ id: string }>('select id from jobs order by created_at')).map(({ id }) => id);
  return {
    gateways,
    upstream: { ...upstream, nextSubmit, submitCount: () => upstream.submitCount() - submitsBefore },
    gateway,
    sql,
    rest: createRestClient(gateway),
    /** Starts another gateway on the same database. */
    another: async () => {
      const second = await startGateway({ ...common, DATABASE_URL: gateway.databaseUrl });
      gateways.push(second);
      return second;
    },
    open: (more: object = {}, agent?: Agent, { url, apiKey } = gateway as { url: string; apiKey: string }) => {
      const request = openSubmit({ url, apiKey }, more, agent);
      opened.push(request);
      return request;
    },
    /** Answers the next submit with the finished result. */
    finish,
    /** Answers the next submit with an error. */
    fail: async (status: number, code: string) =>
      (await nextSubmit()).answer(status, { error: { code, message: 'no' } }),
    states: async () =>
      (await sql<{ state: string }>('select state from rest_requests order by opened_at')).map(({ state }) => state),
    jobs,
    /**
     * Cleans up after a test: closes all requests, finishes all jobs, each of which makes one submit, and deletes the
     * jobs.
     */
    async clear() {
      for (const request of opened.splice(0)) request.hangUp();
      await expect.poll(() => gateways.reduce((sum, { live }) => sum + live.watchers(), 0)).toBe(0);
      for (const count = (await jobs()).length; submitsTaken < count;) await finish();
      await expect.poll(() => sql('select state from jobs where completed_at is null')).toEqual([]);
      await sql('delete from jobs');
      submitsBefore = upstream.submitCount();
      submitsTaken = 0;
    },
  };
}

export type Stage = Awaited<ReturnType<typeof startJoining>>;

/**
 * Starts one harness for all tests of a block, each of which finds it empty. A test must call the returned function
 * once, before anything else, and must answer each submit that it takes.
 */
export function sharedJoining(settings: Record<string, string> = {}, instances = 1): () => Stage {
  const stage = shared(async () => {
    const started = await startJoining(settings);
    while (started.gateways.length < instances) await started.another();
    return started;
  });
  return () => {
    onTestFinished(stage().clear);
    return stage();
  };
}

/** Opens a request and waits until the gateway has accepted it and holds it. */
export async function held({ open, jobs }: Stage, more: object = {}): Promise<OpenRequest> {
  const before = (await jobs()).length;
  const request = open(more);
  await expect.poll(async () => (await jobs()).length).toBe(before + 1);
  return request;
}

/** Opens such a request, closes its connection, and waits until the gateway has recorded it as unanswered. */
export async function hungUp(stage: Stage, more: object = {}, how: 'close' | 'reset' = 'close'): Promise<void> {
  const before = await stage.states();
  (await held(stage, more)).hangUp(how);
  await expect.poll(stage.states).toEqual([...before, 'UNANSWERED']);
}
