/**
 * Variables that are no settings and look as if they were meant to be: a misspelled one would be ignored without a
 * word.
 */

/** `CORS_ORIGIN` for `CORS_ORIGINS`: what was written, and what may have been meant. */
export interface Resemblance {
  readonly written: string;
  readonly meant: string;
}

/** Of the tools that start programs; they never mean us. */
const OTHERS = /^(npm_|PG|LC_|XDG_|SSH_|GIT_|DOCKER_|KUBERNETES_|NODE_(?!ENV))/;

export function findResembling(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): readonly Resemblance[] {
  const known = new Set(names);
  const found: Resemblance[] = [];
  for (const written of Object.keys(env).sort()) {
    if (known.has(written) || OTHERS.test(written)) continue;
    const meant = names.find((name) => name === written.toUpperCase()) ?? nearest(written.toUpperCase(), names);
    if (meant !== undefined) found.push({ written, meant });
  }
  return found;
}

function nearest(written: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, distance: distanceOf(written, name) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = near;
  if (best && best.distance <= allowedDistance(best.name)) return best.name;
  return names.find((name) => sharesWords(written, name));
}

/** Short names are near to many words that are none of ours, such as PATH to PORT. */
const allowedDistance = (name: string): number => (name.length <= 6 ? 1 : name.length <= 12 ? 2 : 3);

/**
 * `ACEDATA_TOKEN` for `ACEDATA_API_TOKEN`, `CORS_ALLOWED_ORIGINS` for `CORS_ORIGINS`: the same ends, and a word more or
 * less in between.
 */
function sharesWords(written: string, name: string): boolean {
  const [fewer, more] = [written.split('_'), name.split('_')].sort((a, b) => a.length - b.length) as [
    string[],
    string[],
  ];
  if (fewer.length < 2 || more.length !== fewer.length + 1) return false;
  return fewer[0] === more[0] && fewer.at(-1) === more.at(-1) && fewer.every((word) => more.includes(word));
}

/** Levenshtein's distance: how many characters are added, left out or changed. */
function distanceOf(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      current[j] = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
