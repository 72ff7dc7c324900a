import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEnd } from './on-end.ts';

/** A folder of the test's own, removed when the test ends. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'motion-gateway-'));
  // For root: PostgreSQL runs as another user, who must be able to enter.
  await chmod(folder, 0o755);
  onEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
