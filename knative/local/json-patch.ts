// JSON patches (RFC 6902) as kustomize applies them, as far as our own use them: `add` and `replace`.

import * as v from 'valibot';

export const operations = v.array(
  v.strictObject({
    op: v.picklist(['add', 'replace']),
    path: v.pipe(v.string(), v.startsWith('/')),
    value: v.unknown(),
  }),
);
type Operation = v.InferOutput<typeof operations>[number];

/** A changed copy. `file` is for messages. Throws a sentence where the path leads nowhere, as kustomize does. */
export function applyOperations<Of extends object>(object: Of, all: readonly Operation[], file: string): Of {
  return all.reduce((before, operation) => {
    const steps = operation.path.slice(1).split('/');
    return changed(before, steps.map(unescaped), operation, file) as Of;
  }, object);
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function changed(place: unknown, steps: readonly string[], operation: Operation, file: string): unknown {
  const { op, path, value } = operation;
  const [step = '', ...rest] = steps;
  const isLast = rest.length === 0;
  if (Array.isArray(place) && isLast && op === 'add') {
    if (step === '-') return [...place, value];
    throw new Error(`${file}: a patch adds to a list at ${path}: only its end (-) is played.`);
  }
  const isThere = typeof place === 'object' && place !== null && (step in place || (isLast && op === 'add'));
  if (!isThere) throw new Error(`${file}: a patch names ${path}, which is not there.`);
  const inside = (before: unknown) => (isLast ? value : changed(before, rest, operation, file));
  if (Array.isArray(place)) return place.map((each, index) => (String(index) === step ? inside(each) : each));
  return { ...place, [step]: inside((place as Record<string, unknown>)[step]) };
}
