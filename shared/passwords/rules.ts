// The rules for new passwords, after NIST SP 800-63B: long enough, not common, not one of the user's names. There are
// no rules of composition, because they make passwords predictable, not strong.

import { commonPasswords } from './commonest.ts';

/**
 * Why the password is refused, as a sentence about the field. Undefined if it is good. `names` are the user's names.
 */
export async function weaknessOf(password: string, names: readonly string[]): Promise<string | undefined> {
  const folded = fold(password);
  if (names.some((name) => fold(name) === folded)) return 'must not be your username, e-mail address or phone number';
  if (isRepeated(folded) || isSequence(folded) || (await commonPasswords()).has(folded)) {
    return 'is too easy to guess; use a few unrelated words';
  }
  return undefined;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}

/** True if a short piece is repeated: `aaaaaaaaaa`, `abcabcabcabc`. */
function isRepeated(text: string): boolean {
  return /^(.{1,4}?)\1+.{0,3}$/u.test(text);
}

const SEQUENCES = ['01234567890123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm'];

function isSequence(text: string): boolean {
  const reversed = [...text].reverse().join('');
  return SEQUENCES.some((sequence) => sequence.includes(text) || sequence.includes(reversed));
}
