/** Which program a run has proved. */
import { execFileSync } from 'node:child_process';

const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();

/** The commit, and whether the sources differ from it; documents may, for runs write into them. */
export const commitOfRun = (): string =>
  git('rev-parse', '--short', 'HEAD') +
  (git('status', '--porcelain', '--', 'src', 'migrations', 'verification', 'bench') === '' ? '' : ' and changes');
