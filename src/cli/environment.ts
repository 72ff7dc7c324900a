/** Reads the settings from their sources: the environment, and the file that `ENV_FILE` names. */
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError, loadConfig, type Config } from '../config.ts';
import { settings } from '../settings/table.ts';
import { findResembling } from '../settings/resembling-names.ts';

const DEFAULT_FILE = '.env';

export interface Environment {
  readonly config: Config;
  /** Warnings to show to the operator before anything else: misspelled settings. */
  readonly warnings: readonly string[];
}

/** Replaces `process.loadEnvFile`, which treats a byte order mark as a part of the first name. */
function loadFile(file: string): void {
  const values = parseEnv(readFileSync(file, 'utf8').replace(/^\ufeff/, ''));
  for (const [name, value] of Object.entries(values)) if (!Object.hasOwn(process.env, name)) process.env[name] = value;
}

/**
 * Reads the file into `process.env`, where variables that are already set take precedence. Throws a `ConfigError` if
 * the file cannot be read; only the default file may be missing.
 */
function loadEnvFile(): void {
  const named = process.env.ENV_FILE?.trim() || null;
  if (named === 'off' || (named === null && !existsSync(DEFAULT_FILE))) return;
  try {
    loadFile(named ?? DEFAULT_FILE);
  } catch (error) {
    throw new ConfigError([
      `ENV_FILE: expected a readable file, or \`off\` (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}: ${named ?? DEFAULT_FILE})`,
    ]);
  }
}

/**
 * Reads and validates the settings. Throws a `ConfigError` with all problems. `defaults` apply to required settings
 * that a command does not need, if they are not set.
 */
export function readEnvironment(defaults: Readonly<Record<string, string>> = {}): Environment {
  loadEnvFile();
  const config = loadConfig({ ...defaults, ...process.env });
  const warnings = findResembling(process.env, Object.keys(settings)).map(
    ({ written, meant }) => `${written} is not a setting and is ignored: did you mean ${meant}?`,
  );
  return { config, warnings };
}
