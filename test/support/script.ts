/** A command of an operator, in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs `scripts/<name>.ts` with this environment and nothing else. */
export const runScript = (name: string, env: Readonly<Record<string, string>>, args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const script = fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url));
    execFile(process.execPath, ['--import', 'tsx', script, ...args], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: `${stdout}${stderr}` }));
  });
