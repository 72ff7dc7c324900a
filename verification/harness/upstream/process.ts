/**
 * The simulated upstream of the proofs, in its own process. Its ledger records the requests that it received, the tasks
 * that it accepted, its refusals and its callbacks.
 */
import { createUpstreamServer } from './server.ts';
import type { FromUpstream, ToUpstream, UpstreamOptions } from './messages.ts';

const say = (message: FromUpstream): void => void process.send?.(message);
const upstream = createUpstreamServer(JSON.parse(process.argv[2] ?? '{}') as UpstreamOptions, say);

process.on('disconnect', () => process.exit());
process.on('message', (order: ToUpstream) => {
  if (order.kind === 'refuse') void upstream.refuse(order.ms);
  else upstream.hold(order.gateway, order.kind === 'holdNext');
});
say({ kind: 'listening', url: await upstream.listen() });
