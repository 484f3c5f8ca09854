// Names are read as they were written, whatever was read before.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseText } from '../../../../shared/platform/http/json.ts';

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '',
    '__proto__',
    'constructor',
    '"',
    '\\',
    ':',
    '{',
    '}',
    '[]',
    '/',
    '\n',
    'caf\\',
    'café',
    '1',
  ),
  fc.string({ maxLength: 4 }),
);
const escaped = (text: string) =>
  [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
const written = (text: string) => fc.constantFrom(JSON.stringify(text), `"${escaped(text)}"`);
const value = fc.jsonValue({ maxDepth: 2 }).map((each) => JSON.stringify(each));
const member = name.chain((each) => fc.tuple(fc.constant(each), written(each), value));

test('a name is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), fc.constantFrom('', ' ', '\n'), (members, gap) => {
      const text = `{${gap}${members.map(([, as, held]) => `${as}${gap}:${gap}${held}`).join(`${gap},`)}${gap}}`;
      const expected = new Map(members.map(([each, , held]) => [each, JSON.stringify(JSON.parse(held))]));
      const read = Object.entries(parseText(text) as object).map(([each, held]) => [each, JSON.stringify(held)]);
      expect(new Map(read as [string, string][])).toEqual(expected);
    }),
    { numRuns: 3_000 },
  );
});

test('one caller’s names do not change another’s', () => {
  for (const poison of ['{"h":1,"\\\\":1}', '{"h":1,"x\\\\":1}', '{"h":1,"caf\\\\":1}']) parseText(poison);
  for (const each of ['a', '"', '\n', 'x"', 'xy', 'café']) {
    expect(
      Object.keys(parseText(`{"h":1,"${escaped(each)}":[{"${escaped(each)}":{}},[ ],"\\\\:"]}`) as object),
    ).toEqual(['h', each]);
  }
});

test('every value is read as JSON.parse reads it, and other texts are refused', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (each) => {
      expect(JSON.stringify(parseText(JSON.stringify({ '\n': each })))).toBe(
        JSON.stringify({ '\n': JSON.parse(JSON.stringify(each)) }),
      );
    }),
  );
  for (const text of ['', '{"\\n":', '{"\\n":1}}', '{"\\x":1}', '["\\n":1]'])
    expect(() => parseText(text)).toThrow(SyntaxError);
});
