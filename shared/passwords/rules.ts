// What a password must be, after NIST SP 800-63B: long enough, not among the commonest, not what the person is called. No rules of
// composition: they make passwords predictable, not strong.

import { commonPasswords } from './commonest.ts';

/** Why this password cannot be used, as a sentence about the field, or undefined. `names` are what its owner goes by. */
export async function weaknessOf(password: string, names: readonly string[]): Promise<string | undefined> {
  const folded = fold(password);
  if (names.some((name) => fold(name) === folded)) return 'must not be your username, e-mail address or phone number';
  if (isRepeated(folded) || isSequence(folded) || (await commonPasswords()).has(folded)) {
    return 'is one of the first that anybody would guess; a few unrelated words are better';
  }
  return undefined;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}

/** A short piece again and again: `aaaaaaaaaa`, `abcabcabcabc`. */
function isRepeated(text: string): boolean {
  return /^(.{1,4}?)\1+.{0,3}$/u.test(text);
}

const SEQUENCES = ['01234567890123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm'];

function isSequence(text: string): boolean {
  const reversed = [...text].reverse().join('');
  return SEQUENCES.some((sequence) => sequence.includes(text) || sequence.includes(reversed));
}
