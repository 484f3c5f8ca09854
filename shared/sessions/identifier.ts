// What people are called: username, e-mail address and phone number, each brought into the one spelling that is stored.

import { createHash } from 'node:crypto';
import { normaliseEmail } from '../platform/http/email.ts';
import { withoutInvisible } from '../platform/http/text.ts';

export type Identifier = { kind: 'username' | 'email' | 'phone'; value: string };

/** A username as it is taken; one without a letter could be mistaken for a phone number. */
export const USERNAME_PATTERN = /^(?=[\d_.]*[A-Za-z])[A-Za-z\d_.]{3,30}$/;

/** A phone number as people write it; `normalisePhone` decides. */
export const PHONE_PATTERN = /^\+?[\d ().-]{7,25}$/;

/** Lower case in one spelling of composed letters. */
export function normaliseName(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/**
 * The number that was written, in E.164 (`+6281234567890`): the one spelling that is stored. Undefined when its country has no such number.
 * The numbers of all countries are loaded with the first one (140 kB): most requests have none.
 */
export async function normalisePhone(written: string): Promise<string | undefined> {
  const dialled = spellPhone(written);
  if (dialled === undefined) return undefined;
  const { parsePhoneNumberFromString } = await import('../platform/packages/libphonenumber.ts');
  const number = parsePhoneNumberFromString(dialled, { extract: false });
  return number?.isValid() ? number.number : undefined;
}

/**
 * The same number without separators and with a country: of a number that has one, or of an Indonesian one as it is dialled at home (`0812…`).
 * Undefined when it is neither. It says nothing about whether there is such a number, and a trunk zero of another country (+44 (0)7911…) is
 * still there.
 */
export function spellPhone(written: string): string | undefined {
  const visible = withoutInvisible(written);
  if (!PHONE_PATTERN.test(visible)) return undefined;
  const digits = visible.replace(/[ ().-]/g, '');
  // +62 (0)812…: the trunk zero does not belong behind the country's number, but is often left there.
  const national = /^(?:\+?62)?0([1-9]\d*)$/.exec(digits)?.[1] ?? /^\+?62([1-9]\d*)$/.exec(digits)?.[1];
  if (national) return /^\d{7,12}$/.test(national) ? `+62${national}` : undefined;
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : undefined;
}

/** What a person has typed to log in. Nothing can be two of the three. */
export async function readIdentifier(typed: string): Promise<Identifier> {
  const visible = withoutInvisible(typed);
  if (visible.includes('@')) return { kind: 'email', value: normaliseEmail(visible) ?? normaliseName(visible) };
  const spelt = spellPhone(visible);
  if (spelt) return { kind: 'phone', value: (await normalisePhone(spelt)) ?? spelt };
  return { kind: 'username', value: normaliseName(visible) };
}

/** A name for counting attempts that does not show whose they are. */
export function subjectOf({ kind, value }: Identifier): string {
  return createHash('sha256').update(`${kind}:${value}`).digest('base64url');
}
