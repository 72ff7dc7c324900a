/**
 * A process that starts an embedded server on the directory in its first argument, reports the result as one line of
 * JSON, and stops the server when its input ends. If the process is killed, the server keeps running.
 */
import { startEmbeddedServer } from '../../src/db/embedded/server.ts';

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const server = await startEmbeddedServer({ dataDir: process.argv[2] ?? '', log: () => {} });
  say({ url: server.url, dataDir: server.dataDir, adopted: server.adopted });
  process.stdin.resume().once('end', () => {
    void server.stop().then(() => process.exit());
  });
} catch (error) {
  say({ error: (error as Error).name, message: (error as Error).message });
}
