// Changes a recorded or good object at one place.

/** Puts a value at the path; without a value, removes the field there. */
export function changed<T>(object: T, change: { at: (string | number)[]; value?: unknown }): T {
  const copy = structuredClone(object);
  const parent = change.at
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>(
      (node, step) => node[step] as Record<string | number, unknown>,
      copy as Record<string | number, unknown>,
    );
  const last = change.at.at(-1) ?? '';
  if (change.value === undefined) delete parent[last];
  else parent[last] = change.value;
  return copy;
}
