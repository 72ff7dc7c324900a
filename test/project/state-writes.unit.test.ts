/** Guards a rule that the import rules cannot express: which code calls the one method that writes a state. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** The callers, the implementation, and the port that declares the method. */
const allowed = ['jobs/settle/', 'db/', 'jobs/ports/job-writer.ts'];

test('only jobs/settle writes the state of a job, so that no end of a job bypasses the effects of other cores', () => {
  const users = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && /\bwriteMove\b/.test(readFileSync(join(src, file), 'utf8')))
    .map((file) => file.replaceAll('\\', '/'));
  expect(users).toContain('jobs/settle/settle.ts');
  expect(users.filter((file) => !allowed.some((prefix) => file.startsWith(prefix)))).toEqual([]);
});
