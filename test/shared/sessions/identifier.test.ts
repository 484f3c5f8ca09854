import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normalisePhone, readIdentifier, USERNAME_PATTERN } from '../../../shared/sessions/identifier.ts';

test.each([
  ['081234567890', '+6281234567890'],
  ['0812-3456-7890', '+6281234567890'],
  ['(0812) 3456.7890', '+6281234567890'],
  ['+62 812 3456 7890', '+6281234567890'],
  ['6281234567890', '+6281234567890'],
  ['+62081234567890', '+6281234567890'],
  ['+62 (0)812 3456 7890', '+6281234567890'],
  ['021-5551234', '+62215551234'],
  ['+14155552671', '+14155552671'],
  ['+442071838750', '+442071838750'],
])('%p is %p', (written, stored) => {
  expect(normalisePhone(written)).toBe(stored);
});

test.each([
  '',
  '08',
  '0812345',
  '14155552671',
  '+0123456789',
  '00628123456789',
  '+621',
  'phone',
  '+62 812 abc 7890',
  '+1234567890123456',
  '++6281234567890',
])('%p is no phone number', (written) => {
  expect(normalisePhone(written)).toBeUndefined();
});

test('a username is never taken for a phone number or an e-mail address', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9_.]{3,30}$/), (name) => {
      fc.pre(USERNAME_PATTERN.test(name));
      expect(readIdentifier(name)).toEqual({ kind: 'username', value: name.toLowerCase() });
    }),
  );
});

test('normalising a phone number twice changes nothing more', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\+?[0-9 ().-]{7,25}$/), (written) => {
      const once = normalisePhone(written);
      if (once !== undefined) expect(normalisePhone(once)).toBe(once);
    }),
  );
});
