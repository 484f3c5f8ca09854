// A map of callers' own names.

import * as v from 'valibot';

type Text = v.GenericSchema<string, string>;

/**
 * As valibot's `record`, which leaves out `__proto__`, `prototype` and `constructor` without a word: here they are names like any other. Both
 * schemas check, and change nothing.
 */
export function everyName<Name extends Text, Value extends Text>(
  name: Name,
  value: Value,
): v.RecordSchema<Name, Value, undefined> {
  const record = v.record(name, value);
  return {
    ...record,
    '~run'(dataset, config) {
      const given = dataset.value;
      // It refuses, in its own words, what is no object.
      if (typeof given !== 'object' || given === null || Array.isArray(given)) {
        return record['~run']({ value: undefined }, config);
      }
      const input = given as Record<string, unknown>;
      const issues = Object.entries(input).flatMap(([key, member]) => [
        ...issuesOf(name, key, { type: 'object', origin: 'key', input, key, value: member }),
        ...issuesOf(value, member, { type: 'object', origin: 'value', input, key, value: member }),
      ]);
      const [first, ...more] = issues;
      if (first) return { typed: false, value: input, issues: [first, ...more] };
      // fromEntries defines its members; an assignment to `__proto__` would be lost.
      return { typed: true, value: Object.fromEntries(Object.entries(input)) as v.InferOutput<typeof record> };
    },
  };
}

function issuesOf<Schema extends Text>(
  schema: Schema,
  value: unknown,
  place: v.ObjectPathItem,
): v.InferIssue<Schema>[] {
  return (v.safeParse(schema, value).issues ?? []).map((issue) => ({ ...issue, path: [place] }));
}
