/** The parts of `docs/reliability.md` that are made by runs. Each stands between two markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

export interface Part {
  read(): string;
  write(text: string): void;
}

/** `command` is what makes it. */
export function partOf(command: string): Part {
  const begin = `<!-- made by npm run ${command} -- --report -->`;
  const end = `<!-- end of what npm run ${command} made -->`;
  function split(): readonly [string, string, string] {
    const page = readFileSync(PAGE, 'utf8');
    const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)];
    if (from < begin.length || to < from) throw new Error(`${PAGE} has lost the markers of ${command}`);
    return [page.slice(0, from), page.slice(from, to).trim(), page.slice(to)];
  }
  return {
    read: () => split()[1],
    write(text) {
      const [before, , after] = split();
      writeFileSync(PAGE, `${before}\n\n${text}\n\n${after}`);
    },
  };
}
