/** Where settings come from: the environment, and the file that `ENV_FILE` names. */
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError, loadConfig, settings, type Config } from '../config.ts';
import { findResembling } from '../settings/resembling-names.ts';

const DEFAULT_FILE = '.env';

export interface Environment {
  readonly config: Config;
  /** What an operator should know before anything else: misspelled settings. */
  readonly warnings: readonly string[];
}

/** In place of `process.loadEnvFile`, which takes a byte order mark for a part of the first name. */
function loadFile(file: string): void {
  const values = parseEnv(readFileSync(file, 'utf8').replace(/^\ufeff/, ''));
  for (const [name, value] of Object.entries(values)) if (!Object.hasOwn(process.env, name)) process.env[name] = value;
}

/**
 * Reads the file into `process.env`, where variables that are there already win. Throws a `ConfigError` when a file
 * that was named cannot be read.
 */
function loadEnvFile(): void {
  const named = process.env.ENV_FILE?.trim() || null;
  if (named === 'off' || (named === null && !existsSync(DEFAULT_FILE))) return;
  try {
    loadFile(named ?? DEFAULT_FILE);
  } catch (error) {
    throw new ConfigError([
      `ENV_FILE: expected a file that can be read, or \`off\` (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}: ${named ?? DEFAULT_FILE})`,
    ]);
  }
}

/** Throws a `ConfigError` with everything that is wrong. `defaults` stand for what a command does not need. */
export function readEnvironment(defaults: Readonly<Record<string, string>> = {}): Environment {
  loadEnvFile();
  const config = loadConfig({ ...defaults, ...process.env });
  const warnings = findResembling(process.env, Object.keys(settings)).map(
    ({ written, meant }) => `${written} is not a setting and is ignored: did you mean ${meant}?`,
  );
  return { config, warnings };
}
