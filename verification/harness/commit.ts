/** Identifies the version of the program that a run has tested. */
import { execFileSync } from 'node:child_process';

const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();

/** Returns the commit, and whether the sources differ from it. Documents may differ, because runs write into them. */
export const commitOfRun = (): string =>
  git('rev-parse', '--short', 'HEAD') +
  (git('status', '--porcelain', '--', 'src', 'migrations', 'verification', 'bench') === '' ? '' : ' and changes');
