/** Look-ups of tasks: in a batch, one by one, and when the upstream fails. */
import { describe, expect, test } from 'vitest';
import { httpAnswer, startRawUpstream } from '../../support/raw-upstream.ts';
import { answering, attempt, callbackUrls, clientOf, never } from '../../support/upstream-client.ts';

describe('a look-up', () => {
  const record = (id: string, callbackUrl: string | null, response: object = {}) => ({
    id,
    type: 'motion',
    request: { callback_url: callbackUrl },
    response,
  });

  test('reports the known tasks, each with the job that it was created for', async () => {
    const ours = callbackUrls.urlFor(attempt.jobId, 1)!;
    const items = [
      record('a', ours),
      record('b', 'https://elsewhere.example.com/hook'),
      record(
        'c',
        ours.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
      ),
    ];
    const upstream = await startRawUpstream(answering(200, { items, count: 3 }));
    const reports = await clientOf(upstream.url).lookUp(['a', 'b', 'c', 'd'], never);
    expect([...reports.values()]).toEqual([
      { taskId: 'a', outcome: { kind: 'running' }, echo: { jobId: attempt.jobId, attempt: 1 } },
      { taskId: 'b', outcome: { kind: 'running' }, echo: 'other' },
      { taskId: 'c', outcome: { kind: 'running' }, echo: 'other' },
    ]);
  });

  test('reports the other tasks if one id fails, in the batch and alone', async () => {
    const upstream = await startRawUpstream((socket, request) => {
      const { id } = JSON.parse(request.split('\r\n\r\n')[1]!) as { id?: string };
      socket.end(id === 'a' || id === 'b' ? httpAnswer(200, JSON.stringify(record(id, null))) : httpAnswer(500, ''));
    });
    const client = clientOf(upstream.url);
    expect([...(await client.lookUp(['a', 'poison', 'b'], never)).keys()]).toEqual(['a', 'b']);
    await expect(client.lookUp(['poison', 'poison too'], never)).rejects.toThrow('look-up failed');
    await expect(client.lookUp(['poison', 'p', 'q', 'r', 's'], never)).rejects.toThrow('look-up failed');
    expect(upstream.requests.length, 'an outage ends the look-ups of single ids').toBe(4 + 3 + 4);
  });

  test('requests each id alone if the batch is refused because of one id', async () => {
    const upstream = await startRawUpstream((socket, request) => {
      const { id } = JSON.parse(request.split('\r\n\r\n')[1]!) as { id?: string };
      if (id === undefined) socket.end(httpAnswer(404, ''));
      else socket.end(id === 'gone' ? httpAnswer(404, '') : httpAnswer(200, JSON.stringify(record(id, null))));
    });
    const reports = await clientOf(upstream.url).lookUp(['a', 'gone', 'b'], never);
    expect([...reports.keys()]).toEqual(['a', 'b']);
  });

  test.each([
    ['an outage', 502, '<html></html>'],
    ['a refused token', 401, JSON.stringify({ error: { code: 'invalid_token', message: 'no' } })],
    ['an unreadable answer', 200, 'nonsense'],
  ])('fails on %s instead of reporting an unknown task', async (_name, status, body) => {
    const upstream = await startRawUpstream(answering(status, body));
    await expect(clientOf(upstream.url).lookUp(['a'], never)).rejects.toThrow('look-up failed');
  });
});
