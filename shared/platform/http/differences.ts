// Differences between two JSON values, as JSON pointers. They explain why a key counts as reused.

/** Pointers to every member that differs; `''` if the values differ as a whole. Compares at any depth. */
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

// Only own members count: `constructor` is on every object although no caller has sent it.
function memberOf(value: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
