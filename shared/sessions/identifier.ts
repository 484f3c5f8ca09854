// What people are called: username, e-mail address and phone number, each brought into the one spelling that is stored.

import { createHash } from 'node:crypto';

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
 * E.164 (`+6281234567890`) of a number with its country, or of an Indonesian one as it is dialled at home (`0812…`), with or without
 * separators. Undefined when it is neither.
 */
export function normalisePhone(written: string): string | undefined {
  if (!PHONE_PATTERN.test(written)) return undefined;
  const digits = written.replace(/[ ().-]/g, '');
  // +62 (0)812…: the trunk zero does not belong behind the country's number, but is often left there.
  const national = /^(?:\+?62)?0([1-9]\d*)$/.exec(digits)?.[1] ?? /^\+?62([1-9]\d*)$/.exec(digits)?.[1];
  if (national) return /^\d{7,12}$/.test(national) ? `+62${national}` : undefined;
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : undefined;
}

/** What a person has typed to log in. Nothing can be two of the three. */
export function readIdentifier(typed: string): Identifier {
  const trimmed = typed.trim();
  if (trimmed.includes('@')) return { kind: 'email', value: normaliseName(trimmed) };
  const phone = normalisePhone(trimmed);
  if (phone) return { kind: 'phone', value: phone };
  return { kind: 'username', value: normaliseName(trimmed) };
}

/** A name for counting attempts that does not show whose they are. */
export function subjectOf({ kind, value }: Identifier): string {
  return createHash('sha256').update(`${kind}:${value}`).digest('base64url');
}
