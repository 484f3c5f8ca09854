import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import { schemaBook } from '../../../shared/documentation/schema.ts';
import { AMOUNT_PATTERN } from '../../../shared/money.ts';
import { amountSchema } from '../../../shared/wallet/request.ts';

test('an amount keeps its pattern, its texts and its examples, although it is transformed', () => {
  expect(schemaBook().describe(amountSchema, 'input')).toMatchObject({
    type: 'string',
    pattern: AMOUNT_PATTERN.source,
    description: expect.stringContaining('A decimal string'),
    examples: ['150000.00'],
  });
});

test('a titled schema is one component, wherever and however it is used', () => {
  const book = schemaBook();
  const point = v.pipe(v.object({ x: v.number() }), v.title('Point'));
  const schema = v.object({
    plain: point,
    described: v.pipe(point, v.description('Where it ends.')),
    list: v.array(point),
    perhaps: v.optional(v.nullable(point)),
  });
  expect(book.describe(schema, 'output').properties).toEqual({
    plain: { $ref: '#/components/schemas/Point' },
    described: { $ref: '#/components/schemas/Point', description: 'Where it ends.' },
    list: { type: 'array', items: { $ref: '#/components/schemas/Point' } },
    perhaps: { anyOf: [{ $ref: '#/components/schemas/Point' }, { type: 'null' }] },
  });
  expect(book.components()).toEqual({
    Point: { title: 'Point', type: 'object', properties: { x: { type: 'number' } }, required: ['x'] },
  });
});

test('a component may contain itself', () => {
  const book = schemaBook();
  interface Tree {
    branches: Tree[];
  }
  const tree: v.GenericSchema<Tree> = v.pipe(v.object({ branches: v.array(v.lazy(() => tree)) }), v.title('Tree'));
  expect(book.describe(tree, 'output')).toEqual({ $ref: '#/components/schemas/Tree' });
  expect(book.components().Tree?.properties?.branches).toEqual({
    type: 'array',
    items: { $ref: '#/components/schemas/Tree' },
  });
});

test('two schemas cannot share a title, nor can two forms of one schema', () => {
  const book = schemaBook();
  book.describe(v.pipe(v.string(), v.title('Name')), 'output');
  expect(() => book.describe(v.pipe(v.string(), v.title('Name')), 'output')).toThrow('Two schemas are titled Name');

  const dated = v.pipe(v.string(), v.transform(Number), v.number(), v.title('Year'));
  book.describe(dated, 'input');
  book.describe(dated, 'output');
  expect(() => book.components()).toThrow('Year is sent in another form than it is answered');
});

test('a query parameter that is read as a number is described as one', () => {
  const page = v.optional(v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number), v.maxValue(100)), '20');
  expect(schemaBook().describe(page, 'query')).toEqual({ type: 'integer', maximum: 100, default: 20 });
  expect(schemaBook().describe(page, 'input')).toEqual({ type: 'string', pattern: '^\\d+$', default: '20' });
});

test('a rule that JSON Schema cannot express is described in words, and never lost in silence', () => {
  const even = v.pipe(
    v.string(),
    v.check((text) => text.length % 2 === 0, 'must have an even length'),
  );
  expect(schemaBook().describe(even, 'input')).toEqual({ type: 'string', description: 'Must have an even length.' });

  const anyCase = v.pipe(v.string(), v.regex(/^[a-f]+$/i, 'must be hexadecimal'));
  expect(schemaBook().describe(anyCase, 'input')).toEqual({ type: 'string', description: 'Must be hexadecimal.' });

  const wordless = v.pipe(
    v.string(),
    v.check((text) => text.length % 2 === 0),
  );
  expect(() => schemaBook().describe(wordless, 'input')).toThrow('give it a message');
});

test('two patterns on one text both hold', () => {
  const schema = v.pipe(v.string(), v.regex(/^a/), v.regex(/z$/u));
  expect(schemaBook().describe(schema, 'input')).toEqual({ type: 'string', pattern: '^a', allOf: [{ pattern: 'z$' }] });
});

test('a nullable value has one type, not an alternative', () => {
  const schema = v.object({ note: v.nullable(v.string()), state: v.nullable(v.picklist(['on', 'off'])) });
  expect(schemaBook().describe(schema, 'output').properties).toEqual({
    note: { type: ['string', 'null'] },
    state: { type: ['string', 'null'], enum: ['on', 'off', null] },
  });
});
