/** Tests that operation limits are checked before the costly rules, and that nothing bypasses them. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const MANY = 'failure { final } video { id } '.repeat(40);
const tooLarge = { extensions: { code: 'OPERATION_TOO_LARGE' } };

test.each([
  ['an operation', `subscription { jobUpdated(id: "a") { ${MANY} nonsense } }`],
  ['a fragment', `subscription { jobUpdated(id: "a") { ...Job } } fragment Job on MotionJob { ${MANY} nonsense }`],
  ['an unused fragment', `subscription { jobUpdated(id: "a") { id nonsense } } fragment Job on MotionJob { ${MANY} }`],
])('%s that is too large is rejected on a socket before the other rules check the document', async (_what, query) => {
  const gateway = await startGateway();
  const { send, next } = await openSocket(gateway);
  send(subscribe('a', query));
  const { type, payload } = await next();
  expect([type, payload]).toMatchObject(['error', [tooLarge]]);
});

test('an unused fragment that is too large is rejected over HTTP too', async () => {
  const gateway = await startGateway();
  const { errors } = await gateway.client.request(`{ __typename } fragment Job on MotionJob { ${MANY} }`);
  expect(errors).toContainEqual(expect.objectContaining(tooLarge));
});
