import { expect, test } from '@jest/globals';
import { addressOf } from '../../../shared/sessions/address.ts';

test("the address from the gateway counts, not the caller's own header", () => {
  expect(addressOf({ 'x-real-ip': '203.0.113.7', 'x-forwarded-for': '1.2.3.4, 10.0.0.1' })).toBe('203.0.113.7');
  expect(addressOf({ 'x-forwarded-for': '1.2.3.4, 203.0.113.7' })).toBe('203.0.113.7');
  expect(addressOf({})).toBe('unknown');
  expect(addressOf({ 'x-real-ip': 'not an address' })).toBe('unknown');
});

test.each([
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8::/64'],
  ['::1', '::/64'],
  ['fe80::1%eth0', 'fe80::/64'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
])('%p counts as %p', (address, subject) => {
  expect(addressOf({ 'x-real-ip': address })).toBe(subject);
});
