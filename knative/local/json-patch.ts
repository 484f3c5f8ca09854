// JSON patches (RFC 6902) as kustomize applies them, as far as our own use them: `add` and `replace`.

import * as v from 'valibot';

export const operations = v.array(
  v.strictObject({
    op: v.picklist(['add', 'replace']),
    path: v.pipe(v.string(), v.startsWith('/')),
    value: v.custom<NonNullable<unknown>>((value) => value !== undefined && value !== null, 'must be there'),
  }),
);
type Operation = v.InferOutput<typeof operations>[number];

/** A changed copy. `file` is for messages. Throws a sentence where the path leads nowhere, as kustomize does. */
export function applyOperations<Of extends object>(object: Of, all: readonly Operation[], file: string): Of {
  const changed = structuredClone(object);
  for (const operation of all) apply(changed, operation, file);
  return changed;
}

function apply(object: object, { op, path, value }: Operation, file: string): void {
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop() as string;
  let place: unknown = object;
  for (const step of steps) place = isHolder(place) ? place[step] : undefined;
  if (!isHolder(place) || (op === 'replace' && !(last in place))) {
    throw new Error(`${file}: a patch names ${path}, which is not there.`);
  }
  const own = structuredClone(value);
  if (!Array.isArray(place) || op === 'replace') place[last] = own;
  else if (last === '-') place.push(own);
  else throw new Error(`${file}: a patch adds to a list at ${path}: only its end (-) is played.`);
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
