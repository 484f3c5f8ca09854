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
  ['+44 (0)20 7183 8750', '+442071838750'],
  ['+44 (0) 7911 123456', '+447911123456'],
  ['+49 (0)30 123456', '+4930123456'],
  // Italy's zero belongs to the number.
  ['+39 06 12345678', '+390612345678'],
  ['\u202a+62\u00a0812\u20113456\u20117890\u202c', '+6281234567890'],
  [' 0812\u200b34567890\ufeff', '+6281234567890'],
])('%p is %p', async (written, stored) => {
  expect(await normalisePhone(written)).toBe(stored);
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
  '+99912345678',
  '+44 1234',
])('%p is not a phone number', async (written) => {
  expect(await normalisePhone(written)).toBeUndefined();
});

test('a username is never taken for a phone number or an e-mail address', async () => {
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[a-zA-Z0-9_.]{3,30}$/), async (name) => {
      fc.pre(USERNAME_PATTERN.test(name));
      expect(await readIdentifier(name)).toEqual({ kind: 'username', value: name.toLowerCase() });
    }),
  );
});

test('normalising a phone number twice changes nothing more', async () => {
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^\+?[0-9 ().-]{7,25}$/), async (written) => {
      const once = await normalisePhone(written);
      if (once !== undefined) expect(await normalisePhone(once)).toBe(once);
    }),
  );
});
