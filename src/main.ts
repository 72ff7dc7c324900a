#!/usr/bin/env node
/** `motion-gateway`: the commands, their options and their exit codes. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CommandError, type Command, type CommandInput } from './cli/command.ts';
import { ConfigError } from './config.ts';
import { projectRoot } from './project-root.ts';

interface CommandEntry {
  readonly summary: string;
  /**
   * Loads the modules of the command. Each command has its own, so that incorrect usage is reported without loading the
   * gateway.
   */
  readonly load: () => Promise<Command>;
}

const commands: Readonly<Record<string, CommandEntry>> = {
  start: { summary: 'start a gateway (the default)', load: async () => (await import('./cli/start.ts')).start },
  admin: { summary: 'manage accounts and keys', load: async () => (await import('./cli/admin.ts')).admin },
  gate: {
    summary: 'show the state of the gate to the upstream, or open it',
    load: async () => (await import('./cli/gate.ts')).gate,
  },
  migrate: {
    summary: 'migrate the database to this version',
    load: async () => (await import('./cli/migrate.ts')).migrate,
  },
  'check-config': {
    summary: 'check the settings without starting a gateway',
    load: async () => (await import('./cli/check-config.ts')).checkConfig,
  },
};

const OPTIONS = `  --help      show this help, or that of a command
  --json      print the result of a command as one JSON value
  --version   show the version

Exit codes: 0 is success, 1 is a failure, 2 is incorrect usage.`;

const usage = (): string => {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return `Usage: motion-gateway <command> [options]\n\n${lines.join('\n')}\n\n${OPTIONS}`;
};

const versionOf = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', projectRoot), 'utf8')) as { version: string }).version;

/** Runs a command. Resolves with the exit code, or with null if the process keeps running. */
async function run(args: readonly string[]): Promise<number | null> {
  const [first] = args;
  const name = first === undefined || first.startsWith('-') ? null : first;
  if (name === 'help') return say(usage());
  const entry = Object.hasOwn(commands, name ?? 'start') ? commands[name ?? 'start'] : undefined;
  if (entry === undefined) throw new CommandError(`There is no command ${name}.\n\n${usage()}`, 2);
  const command = await entry.load();
  const input = parse(name === null ? args : args.slice(1), command);
  if (input.options.version) return say(versionOf());
  if (input.options.help) return say(name === null ? usage() : `${command.help}\n\n${OPTIONS}`);
  return command.run(input);
}

function say(text: string): 0 {
  console.log(text);
  return 0;
}

function parse(args: readonly string[], command: Command): CommandInput {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        json: { type: 'boolean' },
        version: { type: 'boolean' },
        ...Object.fromEntries(command.options.map((option) => [option, { type: 'string' as const }])),
      },
    });
    return { options: values, positionals };
  } catch (error) {
    throw new CommandError(`${(error as Error).message.split('\n')[0]}\n\n${command.help}`, 2);
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  return (error as Error).message;
}

try {
  const code = await run(process.argv.slice(2));
  if (code !== null) process.exitCode = code;
} catch (error) {
  console.error(explain(error));
  process.exit(error instanceof CommandError ? error.exitCode : 1);
}
