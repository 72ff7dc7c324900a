/**
 * A lock that allows only one process per data directory. A process that wants the lock listens on its own Unix socket
 * in `lock/`, which dies with the process, and then queries every other socket there. The order makes this safe:
 * announce, then check, then hold. Of two processes, the one that announces later sees the earlier one. Socket names
 * are never reused. A socket that refuses connections is therefore dead for good, and removing it races with nothing.
 */
import { randomBytes } from 'node:crypto';
import { lchown, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataDirInUseError, errnoOf } from './errors.ts';
import type { Owner } from './owner.ts';

export interface DataDirLock {
  release(): Promise<void>;
}

/** A socket address holds 104 bytes on macOS and 108 on Linux. A longer one is truncated or rejected. */
const MAX_PATH_BYTES = 100;
const ANSWER_TIMEOUT_MS = 2_000;
const CONTEST_TIMEOUT_MS = 5_000;

type Rival = 'dead' | 'trying' | 'held' | 'unclear';

/**
 * Takes the lock or throws `DataDirInUseError`. Exactly one of several concurrent callers gets the lock. The lock does
 * not keep the process alive.
 */
export async function lockDataDir(home: string, owner: Owner | null): Promise<DataDirLock> {
  const folder = join(home, 'lock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (owner) await lchown(folder, owner.uid, owner.gid);

  const name = randomBytes(8).toString('hex');
  const short = await shortWay(folder, name);
  let held = false;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(held ? 'held' : 'trying', () => socket.destroy());
  });
  const release = async () => {
    // Unlinks before closing: once the socket is closed, the name would already look dead.
    await rm(join(folder, name), { force: true });
    await new Promise((resolve) => server.close(resolve));
  };

  try {
    // Between bind and listen, a socket refuses connections as a dead one does. It therefore gets its real name only
    // once it answers.
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(join(short.path, `.${name}`), resolve),
    );
    if (owner) await lchown(join(folder, `.${name}`), owner.uid, owner.gid);
    await rename(join(folder, `.${name}`), join(folder, name));

    for (const deadline = Date.now() + CONTEST_TIMEOUT_MS; ; await delay(5)) {
      const verdict = await contest(folder, short.path, name);
      if (verdict === 'won') break;
      if (verdict === 'lost' || Date.now() > deadline) throw new DataDirInUseError(home);
    }
    held = true;
    server.on('error', () => {}).unref();
    return { release };
  } catch (error) {
    await release();
    throw error;
  } finally {
    await short.remove();
  }
}

/**
 * Checks the other contenders. The one with the lowest name wins. It waits until the others withdraw, or until one of
 * them holds the lock because it checked before the winner announced itself.
 */
async function contest(folder: string, way: string, name: string): Promise<'won' | 'lost' | 'again'> {
  let verdict: 'won' | 'again' = 'won';
  for (const rival of await readdir(folder)) {
    if (rival.startsWith('.') || rival === name) continue;
    const state = await ask(join(way, rival));
    if (state === 'dead') await rm(join(folder, rival), { force: true });
    else if (state === 'held' || (state === 'trying' && rival < name)) return 'lost';
    else verdict = 'again';
  }
  return verdict;
}

function ask(path: string): Promise<Rival> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    const settle = (rival: Rival) => {
      socket.destroy();
      resolve(rival);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => settle('held'));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('end', () => settle(answer === 'held' || answer === 'trying' ? answer : 'unclear'));
    socket.on('error', (error) => {
      const code = errnoOf(error) ?? '';
      if (['ECONNREFUSED', 'ENOENT'].includes(code)) settle('dead');
      else settle(['ECONNRESET', 'EPIPE'].includes(code) ? 'unclear' : 'held');
    });
  });
}

/**
 * Returns a path to the folder that is short enough for a socket: the folder itself, or else a symbolic link that
 * exists during the contest.
 */
async function shortWay(folder: string, name: string): Promise<{ path: string; remove(): Promise<void> }> {
  if (Buffer.byteLength(join(folder, `.${name}`)) <= MAX_PATH_BYTES) return { path: folder, remove: async () => {} };
  const base = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
  const dir = await mkdtemp(join(base, 'mg-'));
  await symlink(folder, join(dir, 'd'));
  return { path: join(dir, 'd'), remove: () => rm(dir, { recursive: true, force: true }) };
}
