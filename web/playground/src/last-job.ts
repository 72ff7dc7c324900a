import { Kind, type ExecutionResult, type OperationDefinitionNode } from 'graphql';

/** Stands in the variables of the prepared tabs for the job that this page submitted last. */
export const LAST_JOB = 'LAST_JOB';

const storageKey = 'motion-playground:last-job';

type SubmitData = Record<string, { readonly job?: { readonly id?: unknown } | null } | null>;

/** Keeps the id of a job that `generateMotion` has just answered, whatever alias the field had. */
export function rememberJob(operation: OperationDefinitionNode, result: ExecutionResult): void {
  for (const field of operation.selectionSet.selections) {
    if (field.kind !== Kind.FIELD || field.name.value !== 'generateMotion') continue;
    const id = (result.data as SubmitData | null | undefined)?.[field.alias?.value ?? field.name.value]?.job?.id;
    if (typeof id === 'string') sessionStorage.setItem(storageKey, id);
  }
}

export type Variables = Record<string, unknown>;

/** The variables with the last job's id filled in; null when they ask for it and there is none yet. */
export function fillLastJob(variables: Variables): Variables | null {
  if (!Object.values(variables).includes(LAST_JOB)) return variables;
  const id = sessionStorage.getItem(storageKey);
  if (id === null) return null;
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value === LAST_JOB ? id : value]));
}
