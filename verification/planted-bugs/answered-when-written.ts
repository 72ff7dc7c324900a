import { createHangingClients } from '../proofs/hangups/hanging-clients.ts';
import { calmUpstream, until } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

const REQUESTS = 20;
const BODY = {
  image_url: 'https://media.example.com/character.jpg',
  video_url: 'https://media.example.com/motion.mp4',
  async: true,
};

export const answeredWhenWritten: PlantedBug = {
  name: 'answered-when-written',
  bug: 'counts a REST request as answered when its answer is written, and closes the connection without further checks',
  edits: [
    {
      file: 'src/http/rest/answer-delivery.ts',
      find: 'watch(jobId, socket, connectionOf(socket), cameByProxy(response.req));',
      replace:
        "if (cameByProxy(response.req)) watch(jobId, socket, connectionOf(socket), true); else rejoin.ended(jobId, 'ANSWERED');",
    },
  ],
  /**
   * Each client uses its own connection, resets it as soon as bytes of the answer have arrived, discards them, and
   * repeats the request.
   */
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 1,
      settings: { UPSTREAM_SUBMITS_PER_SECOND: '100', PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, 60),
    });
    const clients = await createHangingClients(harness.gateways, harness.apiKey);
    try {
      await Promise.all(
        Array.from({ length: REQUESTS }, async (_, index) => {
          const body = { ...BODY, prompt: `${bench.seed}-${index}` };
          await clients.ask(harness.gateways[0]!, 'close', body, { afterMs: 0, how: 'unread' });
          // On a busy machine the answer may be 500, after which every client repeats the request.
          const isAnswered = async (): Promise<boolean> => {
            const repeat = await clients.ask(harness.gateways[0]!, 'close', body, null);
            return repeat.kind === 'answered' && repeat.status === 200;
          };
          await until(`${body.prompt} is answered`, isAnswered);
        }),
      );
      const twice = await harness.database.query<{ prompt: string }>(
        'select prompt from jobs group by prompt having count(*) > 1',
      );
      return twice.length > 0
        ? [`requests whose client disconnected during the answer created two jobs: ${twice.length} of ${REQUESTS}`]
        : [];
    } finally {
      await clients.stop();
    }
  },
};
