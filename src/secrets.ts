/**
 * The administrator's key and the application secret: taken from the settings, or generated at the first start and kept
 * in the data directory.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface Secrets {
  readonly administratorKey: string;
  /** The first signs, all verify. */
  readonly appSecrets: readonly string[];
}

interface Given {
  readonly apiKey: string | null;
  readonly appSecrets: readonly string[] | null;
}

/**
 * Returns the given secrets. Reads missing ones from `secrets.json` in `dataDir`, which only its owner can read; the
 * first start creates the file.
 */
export async function loadSecrets(given: Given, dataDir: string): Promise<Secrets> {
  if (given.apiKey !== null && given.appSecrets !== null)
    return { administratorKey: given.apiKey, appSecrets: given.appSecrets };
  const kept = await loadKept(dataDir);
  return { administratorKey: given.apiKey ?? kept.apiKey, appSecrets: given.appSecrets ?? [kept.appSecret] };
}

interface Kept {
  readonly apiKey: string;
  readonly appSecret: string;
}

async function loadKept(dataDir: string): Promise<Kept> {
  const file = join(dataDir, 'secrets.json');
  const made: Kept = {
    apiKey: `mga_${randomBytes(24).toString('base64url')}`,
    appSecret: randomBytes(32).toString('base64url'),
  };
  const refused = (error: Error): never => {
    throw new Error(
      `${file} cannot be written (${error.message}): set API_KEY and APP_SECRET, or choose another DATA_DIR`,
      { cause: error },
    );
  };
  await mkdir(dataDir, { recursive: true }).catch(refused);
  // Fails if the file exists. If two processes start for the first time at once, both use the secrets that the first
  // one wrote.
  const opened = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) =>
    error.code === 'EEXIST' ? null : refused(error),
  );
  if (!opened) return readKept(file);
  try {
    await opened.writeFile(`${JSON.stringify(made, null, 2)}\n`);
    // Signatures made with the secret must be verifiable after a power failure.
    await opened.sync();
    await opened.close();
  } catch (error) {
    // A full disk leaves an empty file, which the next start would report as damaged.
    await opened.close().catch(() => undefined);
    await rm(file, { force: true }).catch(() => undefined);
    refused(error as Error);
  }
  return made;
}

/**
 * Number of attempts, and the delay between them, to read a file that is still empty: the process that created it is
 * about to write it.
 */
const EMPTY = { tries: 20, afterMs: 50 } as const;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

async function readKept(file: string): Promise<Kept> {
  let text = '';
  try {
    for (let tried = 0; text === '' && tried < EMPTY.tries; tried += 1) {
      if (tried > 0) await setTimeout(EMPTY.afterMs);
      text = await readFile(file, 'utf8');
    }
  } catch (error) {
    throw new Error(
      `${file} cannot be read (${(error as Error).message}): make it readable by the user of this process, or set API_KEY and APP_SECRET`,
      { cause: error },
    );
  }
  const damage = (cause?: unknown): Error =>
    new Error(`${file} is damaged: restore it, or delete it to generate new secrets`, { cause });
  try {
    const { apiKey, appSecret } = JSON.parse(text) as Partial<Kept>;
    if (isText(apiKey) && isText(appSecret)) return { apiKey, appSecret };
  } catch (error) {
    throw damage(error);
  }
  throw damage();
}
