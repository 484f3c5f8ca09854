// Lengths of texts are counted as JSON Schema counts them, so that the document and the check agree.

import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import * as v from 'valibot';
import { declaredFunctions } from '../../../../knative/functions.ts';
import { schemaBook } from '../../../../shared/documentation/schema.ts';
import { firstCharacters, maxCharacters, minCharacters } from '../../../../shared/platform/http/text.ts';

const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom('a', '😀', '\u0301', '字'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  maxLength: 9,
});

test('the check takes exactly the texts that the document allows', () => {
  const schema = v.pipe(v.string(), minCharacters(2), maxCharacters(5));
  const described = schemaBook().describe(schema, 'input');
  expect(described).toMatchObject({ minLength: 2, maxLength: 5 });
  const documented = new Ajv2020().compile(described as object);
  fc.assert(
    fc.property(anyText, (text) => {
      expect(v.is(schema, text)).toBe(documented(text));
    }),
  );
});

test('an emoji is one character', () => {
  expect(v.is(v.pipe(v.string(), maxCharacters(3)), '😀😀😀')).toBe(true);
  expect(v.is(v.pipe(v.string(), minCharacters(2)), '😀')).toBe(false);
});

test('a shortened text has no half characters', () => {
  fc.assert(
    fc.property(anyText, fc.nat(9), (text, most) => {
      const beginning = firstCharacters(text, most);
      expect(text.startsWith(beginning)).toBe(true);
      expect([...beginning]).toHaveLength(Math.min(most, [...text].length));
    }),
  );
});

test('no function counts lengths of texts in another way', async () => {
  const other: string[] = [];
  for (const { path, declaration } of await declaredFunctions()) {
    const { body, query, path: segments } = declaration.http ?? {};
    for (const schema of [body, query, segments]) if (schema) visit(schema, (found) => other.push(`${path}: ${found}`));
  }
  expect(other).toEqual([]);
});

/** Calls `found` with every rule about the length of a text that is not of text.ts. */
function visit(node: unknown, found: (rule: string) => void): void {
  if (Array.isArray(node)) for (const each of node) visit(each, found);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  const { type, pipe } = node as { type?: string; pipe?: { type: string }[] };
  const rules = pipe?.map((step) => step.type) ?? [];
  if (type === 'string' && rules.some((rule) => /^(min|max)_length$|^length$|_(graphemes|bytes)$/.test(rule)))
    found(rules.join());
  for (const part of Object.values(node)) if (typeof part === 'object') visit(part, found);
}
