// Tells a repetition from another request, even when a release between them reads bodies differently.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import { idempotencyOf } from '../../../../shared/platform/http/idempotency.ts';

const amount = v.pipe(
  v.string(),
  v.transform((text) => (text.includes('.') ? text : `${text}.00`)),
);
const first = v.strictObject({ amount, to: v.string(), note: v.optional(v.string()) });
/** The same after a release: in another order, one more field with a default, and amounts in another internal form. */
const later = v.strictObject({
  to: v.pipe(v.string(), v.toLowerCase()),
  urgency: v.optional(v.picklist(['normal', 'high']), 'normal'),
  note: v.optional(v.string()),
  amount: v.pipe(
    amount,
    v.transform((text) => BigInt(text.replace('.', ''))),
  ),
});

const read = (schema: v.GenericSchema, sent: unknown) => {
  const body = JSON.parse(JSON.stringify(sent));
  return idempotencyOf('pay', 'k', schema, body, v.parse(schema, body));
};

describe('a repetition', () => {
  const body = { amount: '10', to: 'sari' };

  test.each([
    ['as it was', body],
    ['with its names in another order', { to: 'sari', amount: '10' }],
    ['with the same amount written otherwise', { amount: '10.00', to: 'sari' }],
    ['with a default that was left out', { ...body, urgency: 'normal' }],
  ])('%s is the same request, before and after a release', (_how, again) => {
    expect(read(later, again).differences(read(first, body).request)).toEqual([]);
    if (!('urgency' in again)) expect(read(first, again).differences(read(first, body).request)).toEqual([]);
  });

  test('is recognised by the output of a schema, which versions before have kept', () => {
    const kept = JSON.stringify(v.parse(first, body));
    expect(kept).toBe('{"amount":"10.00","to":"sari"}');
    expect(read(later, body).differences(kept)).toEqual([]);
    expect(read(later, { ...body, amount: '10.01' }).differences(kept)).toEqual(['/amount']);
  });

  test('is still one after a release that changes a default', () => {
    const withDefault = (days: number) => v.strictObject({ days: v.optional(v.number(), days) });
    expect(read(withDefault(5), {}).differences(read(withDefault(7), {}).request)).toEqual([]);
    expect(read(withDefault(5), { days: 7 }).differences(read(withDefault(5), {}).request)).toEqual(['/days']);
  });

  test('is still one after a release that no longer takes it', () => {
    const narrow = v.strictObject({ amount, to: v.pipe(v.string(), v.maxLength(3)) });
    expect(read(first, body).request).toBe('{"amount":"10","to":"sari"}');
    const again = idempotencyOf('pay', 'k', narrow, body, undefined);
    expect(again.differences(read(first, body).request)).toEqual([]);
  });
});

describe('another request', () => {
  test.each([
    [{ amount: '11', to: 'sari' }, ['/amount']],
    [{ amount: '10', to: 'budi' }, ['/to']],
    [{ amount: '10', to: 'sari', note: '' }, ['/note']],
    [{ amount: '10', to: 'sari', urgency: 'high' }, ['/urgency']],
  ])('%j is told what differs', (again, pointers) => {
    expect(read(later, again).differences(read(first, { amount: '10', to: 'sari' }).request)).toEqual(pointers);
  });

  const anything = v.unknown();
  // Member by member, as callers see it: `-0` is sent as 0, and undefined is not sent.
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)));

  test('is every request with other values, and none with the same', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const isSame = read(anything, one).differences(read(anything, other).request).length === 0;
        expect(isSame).toBe(read(anything, one).request === read(anything, other).request);
        expect(read(anything, one).differences(read(anything, one).request)).toEqual([]);
      }),
    );
  });

  test('is one with a member named as JavaScript’s own objects’ members', () => {
    fc.assert(
      fc.property(fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'), (name) => {
        const named = JSON.parse(`{"metadata":{${JSON.stringify(name)}:"1"}}`);
        expect(read(anything, named).differences(read(anything, { metadata: {} }).request)).toEqual([
          `/metadata/${name}`,
        ]);
      }),
    );
  });

  test('is an empty list where there was an empty object', () => {
    expect(read(anything, { to: [] }).differences('{"to":{}}')).toEqual(['/to']);
  });
});

test('the request is kept as it was sent, with its names sorted', () => {
  expect(read(first, { to: 'Sari', amount: '10' }).request).toBe('{"amount":"10","to":"Sari"}');
});
