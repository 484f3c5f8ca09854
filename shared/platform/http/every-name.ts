// A map with names of the caller's choice.

import * as v from 'valibot';

type Text = v.GenericSchema<string, string>;

/**
 * Like valibot's `record`, which silently drops `__proto__`, `prototype` and `constructor`. Here these are ordinary
 * names. The schemas of names and values only check; they must not transform.
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
      // `record` refuses a value that is no object, in its own words.
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
      // fromEntries keeps a member `__proto__`; an assignment would lose it.
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
