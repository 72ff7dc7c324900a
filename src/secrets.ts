/** The administrator's key and the application secret: from the settings, or made at the first start and kept in the data directory. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Secrets {
  readonly administratorKey: string;
  /** The first signs, all verify. */
  readonly appSecrets: readonly string[];
}

interface Given {
  readonly apiKey: string | null;
  readonly appSecrets: readonly string[] | null;
}

/** What is not given is read from `secrets.json` in `dataDir`, which only its owner can read, and made there the first time. */
export async function loadSecrets(given: Given, dataDir: string): Promise<Secrets> {
  if (given.apiKey !== null && given.appSecrets !== null) return { administratorKey: given.apiKey, appSecrets: given.appSecrets };
  const kept = await loadKept(dataDir);
  return { administratorKey: given.apiKey ?? kept.apiKey, appSecrets: given.appSecrets ?? [kept.appSecret] };
}

async function loadKept(dataDir: string): Promise<{ readonly apiKey: string; readonly appSecret: string }> {
  const file = join(dataDir, 'secrets.json');
  const made = { apiKey: `mga_${randomBytes(24).toString('base64url')}`, appSecret: randomBytes(32).toString('base64url') };
  try {
    await mkdir(dataDir, { recursive: true });
    // Fails when the file is there: of two first starts at once, both use what the first one wrote.
    await writeFile(file, `${JSON.stringify(made, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new Error(`${file} cannot be written (${(error as Error).message}): set API_KEY and APP_SECRET, or choose another DATA_DIR`, { cause: error });
    const kept = JSON.parse(await readFile(file, 'utf8')) as Partial<typeof made>;
    if (!kept.apiKey || !kept.appSecret) throw new Error(`${file} is damaged: restore it, or remove it to have new secrets made`, { cause: error });
    return { apiKey: kept.apiKey, appSecret: kept.appSecret };
  }
}
