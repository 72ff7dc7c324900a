/**
 * Counts how often a field occurs at one path of the response. The validation rules of GraphQL compare all fields of
 * one path with each other, so their time is quadratic in this number. The same field name at different paths, such as
 * `id` in each of 16 aliased jobs, is not compared and does not count as a repeat.
 */
import { Kind, type FieldNode, type SelectionSetNode, type ValidationContext } from 'graphql';

interface RepeatLimits {
  readonly maxDepth: number;
  readonly maxFieldRepeats: number;
  /** Expanding fragments at every spread can yield exponentially more selections than the document has. */
  readonly maxSelections: number;
}

interface Repeats {
  /** Occurrences of the most frequent field at one path. */
  readonly repeats: number;
  /** Selections after expansion of fragments, each fragment once per path. */
  readonly selections: number;
}

/**
 * Merges selections as the executor does. Stops as soon as a limit is exceeded, and at the maximum depth, which another
 * check reports.
 */
export function countRepeats(root: SelectionSetNode, context: ValidationContext, limits: RepeatLimits): Repeats {
  let repeats = 0;
  let selections = 0;
  const isOver = (): boolean => repeats > limits.maxFieldRepeats || selections > limits.maxSelections;

  function collect(set: SelectionSetNode, fields: Map<string, FieldNode[]>, spread: Set<string>): void {
    for (const selection of set.selections) {
      selections += 1;
      if (isOver()) return;
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const same = fields.get(key) ?? [];
        same.push(selection);
        fields.set(key, same);
        repeats = Math.max(repeats, same.length);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet, fields, spread);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = context.getFragment(selection.name.value);
        if (fragment) collect(fragment.selectionSet, fields, spread);
      }
    }
  }

  function visit(sets: readonly SelectionSetNode[], depth: number): void {
    if (depth > limits.maxDepth) return;
    const fields = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    for (const set of sets) collect(set, fields, spread);
    for (const nodes of fields.values()) {
      if (isOver()) return;
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (below.length > 0) visit(below, depth + 1);
    }
  }

  visit([root], 1);
  return { repeats, selections };
}
