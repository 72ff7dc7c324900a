/** Finds the root folder of the project. The sources and the built program are at different depths below it. */
import { existsSync } from 'node:fs';

export const projectRoot = findAbove(new URL('.', import.meta.url));

function findAbove(folder: URL): URL {
  if (existsSync(new URL('package.json', folder))) return folder;
  const parent = new URL('..', folder);
  if (parent.href === folder.href)
    throw new Error(
      `There is no package.json above ${import.meta.url}: copy it and the folders migrations and assets with the built program.`,
    );
  return findAbove(parent);
}
