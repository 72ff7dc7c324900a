import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadSecrets } from '../src/secrets.ts';

const nothing = { apiKey: null, appSecrets: null };

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, 'data');
}

describe('secrets that are not given', () => {
  test('are generated once and kept in a file that only its owner can read', async () => {
    const directory = await newDirectory();
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const made = await loadSecrets(nothing, directory);
    expect((await stat(join(directory, 'secrets.json'))).mode & 0o777).toBe(0o600);
    expect(await loadSecrets(nothing, directory)).toEqual(made);
    expect(made.administratorKey).toMatch(/^mga_[\w-]{32}$/);
    expect(made.appSecrets.map((secret) => secret.length)).toEqual([43]);
  });

  test('are the same for several concurrent first starts', async () => {
    const directory = await newDirectory();
    const loaded = await Promise.all(Array.from({ length: 8 }, () => loadSecrets(nothing, directory)));
    expect(new Set(loaded.map((secrets) => JSON.stringify(secrets))).size).toBe(1);
  });

  test('complement those that are given', async () => {
    const directory = await newDirectory();
    const made = await loadSecrets(nothing, directory);
    expect(await loadSecrets({ apiKey: 'mine', appSecrets: null }, directory)).toEqual({
      administratorKey: 'mine',
      appSecrets: made.appSecrets,
    });
    expect(await loadSecrets({ apiKey: null, appSecrets: ['a', 'b'] }, directory)).toEqual({
      administratorKey: made.administratorKey,
      appSecrets: ['a', 'b'],
    });
  });

  test.each([
    '{"apiKey":"a"}',
    '{"apiKey":"","appSecret":"b"}',
    '{"apiKey":5,"appSecret":"b"}',
    'null',
    'not JSON',
    '',
  ])('are not regenerated over a damaged file: %s', async (text) => {
    const directory = await newDirectory();
    await loadSecrets(nothing, directory);
    const file = join(directory, 'secrets.json');
    await writeFile(file, text);
    await expect(loadSecrets(nothing, directory)).rejects.toThrow(
      `${file} is damaged: restore it, or delete it to generate new secrets`,
    );
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('are read even if the process that created the file has not written it yet', async () => {
    const directory = await newDirectory();
    const made = await loadSecrets(nothing, directory);
    const file = join(directory, 'secrets.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, '');
    const loading = loadSecrets(nothing, directory);
    await setTimeout(100);
    await writeFile(file, text);
    expect(await loading).toEqual(made);
  });

  test('need a writable directory', async () => {
    const directory = await newDirectory();
    await writeFile(directory, 'a file');
    await expect(loadSecrets(nothing, directory)).rejects.toThrow(
      /secrets\.json cannot be written \(.+\): set API_KEY and APP_SECRET, or choose another DATA_DIR/,
    );
  });
});

test('secrets that are all given need no directory', async () => {
  expect(await loadSecrets({ apiKey: 'key', appSecrets: ['secret'] }, '/dev/null/nowhere')).toEqual({
    administratorKey: 'key',
    appSecrets: ['secret'],
  });
});
