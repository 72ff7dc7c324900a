/**
 * Writes docs/settings.md from the table in src/settings. With `--check`, it fails if the committed file differs, and
 * writes nothing.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { settingGroups } from '../src/settings/table.ts';

const file = new URL('../docs/settings.md', import.meta.url);

const sections = Object.entries(settingGroups).map(([title, group]) => {
  const rows = Object.entries(group).map(
    ([name, { default: fallback, expected, meaning }]) =>
      `| \`${name}\` | ${fallback.text} | ${expected} | ${meaning} |`,
  );
  return `## ${title}\n\n| setting | default | valid values | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
});
const text = `# Settings

Settings are environment variables. All of them are optional unless the default says otherwise. A blank variable counts as not set, and the
gateway reports all invalid ones at once when it starts. This page is generated from \`src/settings\` by \`npm run codegen\`.

${sections.join('\n')}`;

if (!process.argv.includes('--check')) {
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/settings.md is not what src/settings says: run `npm run codegen`');
  process.exitCode = 1;
}
