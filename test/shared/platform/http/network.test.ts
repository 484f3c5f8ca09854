// Addresses and networks: containment is the same here as in PostgreSQL, which checks the networks of regulators' keys.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isWithin, normaliseNetwork, parseAddress, parseNetwork } from '../../../../shared/platform/http/network.ts';
import { connectTestDatabase } from '../../../setup/database.ts';

let database: Awaited<ReturnType<typeof connectTestDatabase>>;
beforeAll(async () => {
  database = await connectTestDatabase();
});
afterAll(() => database.drop());

test.each([
  ['203.0.113.0/24', '203.0.113.0/24'],
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7/32', '203.0.113.7'],
  ['2001:0DB8::1', '2001:db8::1'],
  ['2001:db8:0:0::/32', '2001:db8::/32'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.0/120', '203.0.113.0/24'],
])('%s is %s', (text, spelling) => expect(normaliseNetwork(text)).toBe(spelling));

test.each([
  '10.0.0',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '010.0.0.1',
  '0x7f.1',
  '127.1',
  '::/129',
  '::ffff:10.0.0.0/90',
  'fe80::1%eth0',
  'localhost',
  ' 10.0.0.1',
  '10.0.0.0/-1',
  '',
])('%j is neither', (text) => expect(normaliseNetwork(text)).toBeUndefined());

// Few different bits, so that a network and an address meet.
const ipv4 = fc
  .tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 10, 127, 128, 255)))
  .map((parts) => parts.join('.'));
const ipv6 = fc
  .tuple(...Array.from({ length: 8 }, () => fc.constantFrom('0', '1', 'fd00', 'ffff', '8000')))
  .map((parts) => parts.join(':'));
const network = fc.oneof(
  fc.tuple(ipv4, fc.nat(32)).map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(ipv6, fc.nat(128)).map(([address, bits]) => `${address}/${bits}`),
);

test('a network contains the same addresses as in PostgreSQL', async () => {
  const pairs = fc.sample(fc.record({ address: fc.oneof(ipv4, ipv6), network }), 3_000).flatMap((pair) => {
    const address = parseAddress(pair.address);
    const spelling = normaliseNetwork(pair.network);
    const parsed = parseNetwork(pair.network);
    if (!address || !parsed || spelling === undefined) return [];
    return [{ address: address.toString(), network: spelling, within: isWithin(address, [parsed]) }];
  });
  expect(pairs.length).toBeGreaterThan(2_000);
  const { rows } = await database.admin.query(
    'select * from json_to_recordset($1) as pair (address inet, network inet, within bool) where (address <<= network) <> within',
    [JSON.stringify(pairs)],
  );
  expect(rows).toEqual([]);
});
