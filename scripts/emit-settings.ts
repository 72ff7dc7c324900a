/** Writes docs/settings.md from the table in src/config.ts; `--check` fails instead when the committed one differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { settings } from '../src/config.ts';

const file = new URL('../docs/settings.md', import.meta.url);

const rows = Object.entries(settings).map(
  ([name, { fallback, expected, meaning }]) => `| \`${name}\` | ${fallback} | ${expected} | ${meaning} |`,
);
const text = `# Settings

Environment variables. All of them are optional unless the default says otherwise; a blank one counts as not set, and every bad one
is reported at once when the gateway starts. This page is generated from \`src/config.ts\` by \`npm run codegen\`.

| setting | default | expected | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;

if (!process.argv.includes('--check')) {
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/settings.md is not what src/config.ts says: run `npm run codegen`');
  process.exitCode = 1;
}
