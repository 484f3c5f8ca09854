// Faults that parsers accept without a word: depth, and duplicate members.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DEEPEST, isTooDeep, repeatedMembers } from '../../../../shared/platform/host/json-faults.ts';
import { parseText } from '../../../../shared/platform/http/json.ts';

const NAMES = ['a', 'b', '', '__proto__', 'constructor', '"', '\\', ':', '{', 'a/b', '~', '\u2028', '1'];
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 4 }));

/** Any JSON value as text, in any spelling, with the pointers to its duplicate members. */
interface Written {
  text: string;
  repeated: string[];
}

const space = fc.constantFrom('', ' ', '\n\t');
const spelt = (text: string) =>
  fc.constantFrom(
    JSON.stringify(text),
    `"${[...text].map((each) => [...Array(each.length).keys()].map((at) => `\\u${each.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')).join('')}"`,
  );
const escaped = (part: string | number) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
const below = (part: string | number, { repeated }: Written) => repeated.map((pointer) => `${escaped(part)}${pointer}`);

const { value: written } = fc.letrec<{ value: Written; array: Written; object: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)).map((each) => ({
      text: JSON.stringify(each),
      repeated: [],
    })),
    tie('array'),
    tie('object'),
  ),
  array: fc.tuple(fc.array(tie('value'), { maxLength: 4 }), space).map(([items, gap]) => ({
    text: `[${gap}${items.map(({ text }) => text).join(`${gap},`)}]`,
    repeated: items.flatMap((item, index) => below(index, item)),
  })),
  object: fc
    .array(
      fc.tuple(
        name.chain((each) => fc.tuple(fc.constant(each), spelt(each))),
        tie('value'),
        space,
      ),
      { maxLength: 5 },
    )
    .map((members) => {
      const seen = new Set<string>();
      const repeated = members.flatMap(([[each], value]) => {
        const again = seen.has(each) ? [escaped(each)] : [];
        seen.add(each);
        return [...again, ...below(each, value)];
      });
      const text = members.map(([[, as], value, gap]) => `${gap}${as}${gap}:${value.text}`).join(',');
      return { text: `{${text}}`, repeated };
    }),
}));

describe('a member that comes twice', () => {
  test('is found at every place and in every spelling, and no other member is', () => {
    fc.assert(
      fc.property(written, ({ text, repeated }) => {
        expect(repeatedMembers(text, parseText(text))).toEqual(repeated);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['{"amount":"1","amount":"2"}', ['/amount']],
    ['{"to":{"username":"a","phone":"1","username":"b"}}', ['/to/username']],
    ['{"a":"\\"\\\\","\\u0061":1}', ['/a']],
    ['{"__proto__":1,"__proto__":2}', ['/__proto__']],
    ['[{"a":1},{"a":1}]', []],
    ['{"a":":,{\\":"}', []],
  ])('%s', (text, repeated) => {
    expect(repeatedMembers(text, parseText(text))).toEqual(repeated);
  });
});

describe('depth', () => {
  const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}1${close.repeat(levels)}`;

  test.each([
    ['[', ']'],
    ['{"a":', '}'],
  ])('%s is bounded, and characters in strings do not count', (open, close) => {
    expect(isTooDeep(nested(DEEPEST, open, close))).toBe(false);
    expect(isTooDeep(nested(DEEPEST + 1, open, close))).toBe(true);
    expect(isTooDeep(nested(30_000, open, close))).toBe(true);
    expect(isTooDeep(JSON.stringify({ a: '['.repeat(100), b: ['\\"[[', '{'.repeat(100)] }))).toBe(false);
  });

  test('is that of the value', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 40 }), fc.nat(40), (value, levels) => {
        const deeper = `${'['.repeat(levels)}${JSON.stringify(value)}${']'.repeat(levels)}`;
        expect(isTooDeep(deeper)).toBe(depthOf(JSON.parse(deeper)) > DEEPEST);
      }),
    );
  });
});
