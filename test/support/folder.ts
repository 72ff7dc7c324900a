import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEnd } from './on-end.ts';

/** Creates a folder for a test; it is removed when the test ends. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'motion-gateway-'));
  // If the tests run as root, PostgreSQL runs as another user, which must be able to enter the folder.
  await chmod(folder, 0o755);
  onEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
