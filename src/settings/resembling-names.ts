/**
 * Finds environment variables that are not settings but resemble one, because a misspelled setting would be ignored
 * silently.
 */

/** A variable as written, such as `CORS_ORIGIN`, and the setting that was probably meant, `CORS_ORIGINS`. */
export interface Resemblance {
  readonly written: string;
  readonly meant: string;
}

/** Variables of the tools that start programs; they are never meant as settings. */
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

/**
 * Returns the distance up to which a variable resembles a setting. Short names are close to many unrelated ones, such
 * as PORT to PATH.
 */
const allowedDistance = (name: string): number => (name.length <= 6 ? 1 : name.length <= 12 ? 2 : 3);

/**
 * True if two names have the same first and last word and one of them has one more word in between, such as
 * `ACEDATA_TOKEN` and `ACEDATA_API_TOKEN`, or `CORS_ALLOWED_ORIGINS` and `CORS_ORIGINS`.
 */
function sharesWords(written: string, name: string): boolean {
  const [fewer, more] = [written.split('_'), name.split('_')].sort((a, b) => a.length - b.length) as [
    string[],
    string[],
  ];
  if (fewer.length < 2 || more.length !== fewer.length + 1) return false;
  return fewer[0] === more[0] && fewer.at(-1) === more.at(-1) && fewer.every((word) => more.includes(word));
}

/** Returns the Levenshtein distance: the number of characters inserted, deleted or replaced. */
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
