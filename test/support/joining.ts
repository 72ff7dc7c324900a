/** A gateway whose REST requests are repeated, with an upstream that ends tasks when the test says so. */
import type { Agent } from 'node:http';
import type pg from 'pg';
import { expect } from 'vitest';
import { asAdministrator } from './database.ts';
import { startFakeUpstream, successOf } from './fake-upstream.ts';
import { startGateway } from './gateway.ts';
import { createRestClient, openSubmit, type OpenRequest } from './rest.ts';

export async function startJoining(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const common = { ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid', UPSTREAM_MAX_IN_FLIGHT: '100', REST_LEASE_SECONDS: '1', REST_CLOSE_SECONDS: '0.2', REST_RESET_SECONDS: '0.4', ...settings };
  const gateway = await startGateway(common);
  const sql = <Row extends pg.QueryResultRow>(text: string) => asAdministrator<Row>(text, gateway.databaseUrl);
  let tasks = 0;
  return {
    upstream,
    gateway,
    sql,
    rest: createRestClient(gateway),
    /** Another gateway on the same database. */
    another: () => startGateway({ ...common, DATABASE_URL: gateway.databaseUrl }),
    open: (more: object = {}, agent?: Agent) => openSubmit(gateway, more, agent),
    /** Has the next submit answered with the finished result. */
    finish: async () => (await upstream.nextSubmit()).answer(200, successOf(`task-${(tasks += 1)}`)),
    /** Has the next submit fail. */
    fail: async (status: number, code: string) => (await upstream.nextSubmit()).answer(status, { error: { code, message: 'no' } }),
    states: async () => (await sql<{ state: string }>('select state from rest_requests order by opened_at')).map(({ state }) => state),
    jobs: async () => (await sql<{ id: string }>('select id from jobs order by created_at')).map(({ id }) => id),
  };
}

export type Stage = Awaited<ReturnType<typeof startJoining>>;

/** A request that was accepted and is held. */
export async function held({ open, jobs }: Stage, more: object = {}): Promise<OpenRequest> {
  const before = (await jobs()).length;
  const request = open(more);
  await expect.poll(async () => (await jobs()).length).toBe(before + 1);
  return request;
}

/** The same, and its client has hung up. */
export async function hungUp(stage: Stage, more: object = {}, how: 'close' | 'reset' = 'close'): Promise<void> {
  const before = await stage.states();
  (await held(stage, more)).hangUp(how);
  await expect.poll(stage.states).toEqual([...before, 'UNANSWERED']);
}
