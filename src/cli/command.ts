/** The interface of all commands of `motion-gateway`, and the error by which they fail. */

/** Ends a command with an exit code: 1 is a failure of the requested operation, 2 is incorrect usage (0 is success). */
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
  /** Arguments other than the command's name and the options. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export interface Command {
  readonly help: string;
  /** Options besides `--help`, `--json` and `--version`; all of them take a value. */
  readonly options: readonly string[];
  /** Runs the command. Resolves with the exit code, or with null if the command keeps running. */
  run(input: CommandInput): Promise<number | null>;
}

/** Prints one JSON value for programs (`--json`), or lines for people. */
export function print(input: CommandInput, value: unknown, lines: readonly string[]): void {
  console.log(input.options.json ? JSON.stringify(value) : lines.join('\n'));
}
