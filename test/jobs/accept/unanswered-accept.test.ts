/** An acceptance whose COMMIT gets no answer in time but takes effect nevertheless. */
import { expect, test } from 'vitest';
import { EXAMPLE } from '../../support/client.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

const GENERATE = 'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { replayed job { id } } }';

test(
  'an unanswered acceptance reports that the job may have been accepted, and a retry finds the job',
  { timeout: 60_000 },
  async () => {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    // The server does not check whether its client is still connected. The deferred trigger runs in COMMIT.
    await asAdministrator(
      `do $$ begin execute format('alter database %I set client_connection_check_interval = 0', current_database()); end $$;
     create function be_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(4); return null; end $$;
     create constraint trigger slow after insert on jobs deferrable initially deferred for each row execute function be_slow()`,
      databaseUrl,
    );
    const { client } = await startGateway({ ...upstream.settings, DATABASE_URL: databaseUrl });
    const generate = () =>
      client.request<{ generateMotion: object | null }>(GENERATE, { input: { ...EXAMPLE, idempotencyKey: 'one' } });
    expect(await generate()).toMatchObject({
      data: { generateMotion: null },
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', mayHaveBeenAccepted: true } }],
    });
    const jobs = () => asAdministrator<{ id: string }>('select id from jobs', databaseUrl);
    await expect.poll(jobs).toHaveLength(1);
    expect((await generate()).data.generateMotion).toEqual({ replayed: true, job: { id: (await jobs())[0]!.id } });
    expect(await jobs()).toHaveLength(1);
    await upstream.nextSubmit();
    expect(upstream.submitCount()).toBe(1);
  },
);
