/**
 * One process per data directory. Who wants it listens on a Unix socket of its own in `lock/`, which dies with the
 * process, then asks every other one there. Order makes it safe: announce, then look, then hold. Of two, the later to
 * announce sees the earlier. Names are never used twice, so one that refuses is dead for good and removing it races
 * with nobody.
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

/** A socket address holds 104 bytes on macOS, 108 on Linux, and a longer one is cut or refused. */
const MAX_PATH_BYTES = 100;
const ANSWER_TIMEOUT_MS = 2_000;
const CONTEST_TIMEOUT_MS = 5_000;

type Rival = 'dead' | 'trying' | 'held' | 'unclear';

/**
 * Takes the lock or throws `DataDirInUseError`. Of several who try at once exactly one gets it. It does not keep the
 * process alive.
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
    // Unlink before close: afterwards the name would already look dead.
    await rm(join(folder, name), { force: true });
    await new Promise((resolve) => server.close(resolve));
  };

  try {
    // Between bind and listen a socket refuses like a dead one, so it gets its real name only when it answers.
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
 * The lowest name wins among those who try; it waits for the others to withdraw, or to hold when they looked before it
 * came.
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

/** A path to the folder that is short enough for a socket: itself, else a symbolic link for the time of the contest. */
async function shortWay(folder: string, name: string): Promise<{ path: string; remove(): Promise<void> }> {
  if (Buffer.byteLength(join(folder, `.${name}`)) <= MAX_PATH_BYTES) return { path: folder, remove: async () => {} };
  const base = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
  const dir = await mkdtemp(join(base, 'mg-'));
  await symlink(folder, join(dir, 'd'));
  return { path: join(dir, 'd'), remove: () => rm(dir, { recursive: true, force: true }) };
}
