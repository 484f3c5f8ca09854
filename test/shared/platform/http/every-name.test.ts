// A map of callers' names keeps each of them.

import { expect, test } from '@jest/globals';
import { toJsonSchema } from '@valibot/to-json-schema';
import fc from 'fast-check';
import * as v from 'valibot';
import { everyName } from '../../../../shared/platform/http/every-name.ts';

const [name, value] = [v.pipe(v.string(), v.maxLength(40)), v.pipe(v.string(), v.maxLength(5))];
const schema = everyName(name, value);
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

test('every sent name is kept, names of JavaScript’s own objects included', () => {
  const names = fc.oneof(fc.constantFrom('prototype', ...INHERITED), fc.string({ maxLength: 40 }));
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(names, fc.string({ maxLength: 5 })), { selector: ([each]) => each }),
      (notes) => {
        const sent = JSON.parse(
          `{${notes.map((pair) => pair.map((each) => JSON.stringify(each)).join(':')).join(',')}}`,
        );
        const { output, success } = v.safeParse(schema, sent);
        expect(success).toBe(true);
        expect(JSON.stringify(output)).toBe(JSON.stringify(sent));
        expect(Object.entries(output as object).sort()).toEqual(notes.sort());
      },
    ),
  );
});

test.each(['__proto__', 'constructor', 'a'])('a fault below %s is reported with its name', (key) => {
  const { issues } = v.safeParse(schema, JSON.parse(`{"${key}":1,"b":"123456"}`));
  expect(issues?.map(({ path }) => path?.map((item) => item.key))).toEqual([[key], ['b']]);
});

test.each([[[]], [['a']], ['text'], [null], [1]])('%j is not a map', (sent) => {
  expect(v.safeParse(schema, sent).issues).toMatchObject([{ kind: 'schema', expected: 'Object' }]);
});

test('it is documented as a map', () => {
  expect(toJsonSchema(schema)).toEqual(toJsonSchema(v.record(name, value)));
});
