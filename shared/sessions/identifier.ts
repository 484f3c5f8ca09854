// A user's names: username, e-mail address and phone number, each in its stored spelling.

import { createHash } from 'node:crypto';
import { normaliseEmail } from '../platform/http/email.ts';
import { withoutInvisible } from '../platform/http/text.ts';

export type Identifier = { kind: 'username' | 'email' | 'phone'; value: string };

/** The pattern of usernames. A letter is required, so that none looks like a phone number. */
export const USERNAME_PATTERN = /^(?=[\d_.]*[A-Za-z])[A-Za-z\d_.]{3,30}$/;

/** Phone numbers as people write them. `normalisePhone` decides whether they exist. */
export const PHONE_PATTERN = /^\+?[\d ().-]{7,25}$/;

/** Lower case, with composed letters in one form. */
export function normaliseName(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/**
 * The number in E.164 (`+6281234567890`), its stored spelling. Undefined if its country has no such number. The
 * numbering plans (140 kB) are loaded with the first number, because most requests have none.
 */
export async function normalisePhone(written: string): Promise<string | undefined> {
  const dialled = spellPhone(written);
  if (dialled === undefined) return undefined;
  const { parsePhoneNumberFromString } = await import('../platform/packages/libphonenumber.ts');
  const number = parsePhoneNumberFromString(dialled, { extract: false });
  return number?.isValid() ? number.number : undefined;
}

/**
 * The number without separators and with a country code. Takes a number with a country code, or an Indonesian one as
 * dialled in Indonesia (`0812…`); undefined for any other. It does not check that the number exists, and keeps another
 * country's trunk zero (+44 (0)7911…).
 */
export function spellPhone(written: string): string | undefined {
  const visible = withoutInvisible(written);
  if (!PHONE_PATTERN.test(visible)) return undefined;
  const digits = visible.replace(/[ ().-]/g, '');
  // +62 (0)812…: the trunk zero does not belong after the country code, but people often leave it there.
  const national = /^(?:\+?62)?0([1-9]\d*)$/.exec(digits)?.[1] ?? /^\+?62([1-9]\d*)$/.exec(digits)?.[1];
  if (national) return /^\d{7,12}$/.test(national) ? `+62${national}` : undefined;
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : undefined;
}

/** Reads what a user has typed to log in. No text can be two of the three names. */
export async function readIdentifier(typed: string): Promise<Identifier> {
  const visible = withoutInvisible(typed);
  if (visible.includes('@')) return { kind: 'email', value: normaliseEmail(visible) ?? normaliseName(visible) };
  const spelt = spellPhone(visible);
  if (spelt) return { kind: 'phone', value: (await normalisePhone(spelt)) ?? spelt };
  return { kind: 'username', value: normaliseName(visible) };
}

/** A name for counting attempts that does not reveal the identifier. */
export function subjectOf({ kind, value }: Identifier): string {
  return createHash('sha256').update(`${kind}:${value}`).digest('base64url');
}
