// What differs between two JSON values, as JSON pointers: the explanation a reused key deserves.

/** Pointers to every member that is not the same in both; `''` when the values differ as a whole. */
export function differences(first: unknown, second: unknown, pointer = ''): string[] {
  if (Object.is(first, second)) return [];
  if (!isObject(first) || !isObject(second)) return [pointer];
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return [...names].flatMap((name) =>
    differences(first[name], second[name], `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
