// What differs between two JSON values, as JSON pointers: the explanation a reused key deserves.

/** Pointers to every member that is not the same in both; `''` when the values differ as a whole. As deep as the values are. */
export function differences(first: unknown, second: unknown, pointer = ''): string[] {
  if (Object.is(first, second)) return [];
  if (!isObject(first) || !isObject(second) || Array.isArray(first) !== Array.isArray(second)) return [pointer];
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return [...names].flatMap((name) =>
    differences(
      memberOf(first, name),
      memberOf(second, name),
      `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    ),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

// A name such as `constructor` is also there where nobody has sent it.
function memberOf(value: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
