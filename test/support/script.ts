/** Operator commands in a separate process. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ended {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly output: string;
  readonly stdout: string;
}

/** Runs `motion-gateway <name>` with this environment and, from this process's environment, only `PATH`. */
export const runCommand = (
  name: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  { main = MAIN, cwd }: { main?: string; cwd?: string } = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...(name === '' ? [] : [name]), ...args],
      { cwd, env: { PATH: process.env.PATH, ENV_FILE: 'off', ...env } },
      (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, output: `${stdout}${stderr}`, stdout }),
    );
  });
