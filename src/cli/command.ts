/** What every command of `motion-gateway` is, and how it ends. */

/** 0 is success, 1 is a failure of what was asked for, 2 is a wrong call. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
  }
}

export interface CommandInput {
  /** Without the command's own name and without the options. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export interface Command {
  readonly help: string;
  /** Options beside `--help` and `--json`; all of them take a value. */
  readonly options: readonly string[];
  /** Resolves with the exit code; null when the command goes on running. */
  run(input: CommandInput): Promise<number | null>;
}

/** One JSON value for programs, or lines for people. */
export function print(input: CommandInput, value: unknown, lines: readonly string[]): void {
  console.log(input.options.json ? JSON.stringify(value) : lines.join('\n'));
}
