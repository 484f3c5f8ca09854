// Example values for fields by name, so that one story runs through the document: Siti tops up and pays Sari's food
// stall. A schema's own v.examples come first.

import type { JsonSchema } from '@valibot/to-json-schema';

const examples: Record<string, string | Record<string, string>> = {
  access_token: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxMDI0In0.c2lnbmF0dXJl',
  account_id: '0198c1f2-5e02-7b41-8c3d-90a1b2c3d4e5',
  created_at: '2026-11-20T04:05:06.789Z',
  currency: 'IDR',
  description: 'Nasi goreng for two',
  expires_at: '2026-11-20T04:20:06.789Z',
  external_reference: 'INV-2026-0815',
  from: '2026-11-01T00:00:00Z',
  id: '0198c1f2-6d1e-7a54-8b1c-7d2e4f6a8091',
  kid: '2026-11',
  metadata: { table: '7' },
  operation_id: '0198c1f2-6d1d-7f00-8a11-5c6d7e8f9a0b',
  redirect_url: 'https://pay.gopay.example/checkout/8e03978e40d5',
  refresh_token: 'dGhpcy1pcy1hbi1leGFtcGxlLW5vdC1hLXRva2Vu',
  return_url: 'https://shop.example/orders/815',
  to: '2026-12-01T00:00:00Z',
  transaction_id: 'PAY-01A192E762807ABC8DEF012345678901',
  updated_at: '2026-11-20T04:05:06.789Z',
  username: 'warung_sari',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};

/** Gives an example to each member of an object's schema that has none, by the member's name. */
export function giveExamples(properties: JsonSchema['properties'] = {}): void {
  for (const [name, schema] of Object.entries(properties)) {
    const example = Object.hasOwn(examples, name) ? examples[name] : undefined;
    if (example === undefined || typeof schema === 'boolean') continue;
    const fits = [schema.type].flat().includes(typeof example === 'string' ? 'string' : 'object');
    if (fits && !schema.properties && !schema.examples && !schema.enum && schema.default === undefined)
      schema.examples = [example];
  }
}

const afterPaying = {
  type: 'PAYMENT',
  status: 'SUCCESS',
  direction: 'debit',
  balance_before: '200000.00',
  balance_after: '50000.00',
  payment_method: null,
};
const toppingUp = {
  transaction_id: 'TOP-01A192E762807ABC8DEF012345678901',
  type: 'TOPUP',
  status: 'PENDING',
  direction: 'credit',
  balance_before: '50000.00',
  balance_after: '50000.00',
  payment_method: 'GOPAY',
  description: null,
  external_reference: null,
  metadata: null,
};
/** By operation and status. */
const transactions: Record<string, object> = {
  'topup 202': toppingUp,
  'cancel 200': { ...toppingUp, status: 'CANCELLED' },
  'cancel 202': toppingUp,
};

/**
 * Changes the example transactions to their state after the operation, so that the fields of one agree with each other.
 */
export function agreeing(answer: string, example: unknown): unknown {
  if (typeof example !== 'object' || example === null) return example;
  if (Array.isArray(example)) return example.map((item) => agreeing(answer, item));
  if ('balance_before' in example) return { ...example, ...(transactions[answer] ?? afterPaying) };
  return Object.fromEntries(Object.entries(example).map(([name, value]) => [name, agreeing(answer, value)]));
}
