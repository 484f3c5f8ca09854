import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normaliseEmail } from '../../../../shared/platform/http/email.ts';

describe('valid addresses are taken, in one spelling', () => {
  test.each([
    ['siti@example.com', 'siti@example.com'],
    ['Siti.Rahayu+Bank@Example.COM', 'siti.rahayu+bank@example.com'],
    ["miles.o'brien@example.com", "miles.o'brien@example.com"],
    ['a!#$%&*/=?^_`{|}~-b@example.com', 'a!#$%&*/=?^_`{|}~-b@example.com'],
    ['siti@xn--bcher-kva.example', 'siti@xn--bcher-kva.example'],
    ['siti@B\u00dcCHER.example', 'siti@xn--bcher-kva.example'],
    ['siti@example.xn--p1ai', 'siti@example.xn--p1ai'],
    ['siti@mail.example.co.id', 'siti@mail.example.co.id'],
    [' \u200bsiti@example.com\ufeff', 'siti@example.com'],
    ['\u202asi\u00adti@example.com\u202c', 'siti@example.com'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ])('%j', (written, stored) => expect(normaliseEmail(written)).toBe(stored));
});

describe('other texts are refused', () => {
  const labels = (count: number) => Array.from({ length: count }, () => 'a'.repeat(60)).join('.');
  test.each([
    '',
    'siti',
    '@example.com',
    'siti@',
    'siti@localhost',
    'siti@127.0.0.1',
    'siti@[127.0.0.1]',
    'siti@example..com',
    'siti@-example.com',
    'siti@example.com.',
    '.siti@example.com',
    'siti.@example.com',
    'si..ti@example.com',
    'si ti@example.com',
    'siti@exam ple.com',
    'siti@@example.com',
    'siti@example.com, budi@example.com',
    'Siti <siti@example.com>',
    'sité@example.com',
    '"si ti"@example.com',
    `${'a'.repeat(65)}@example.com`,
    `siti@${'a'.repeat(64)}.com`,
    `siti@${labels(5)}.com`,
  ])('%j', (written) => expect(normaliseEmail(written)).toBeUndefined());
});

test('every usual address is taken, and normalising it again changes nothing', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (written) => {
      const stored = normaliseEmail(written);
      expect(stored).toBe(written.toLowerCase());
      expect(normaliseEmail(stored ?? '')).toBe(stored);
    }),
  );
});
