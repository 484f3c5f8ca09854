// The purpose of a regulator's request. Every request states it, and the access log keeps it.

import * as v from 'valibot';
import type { Headers } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';

export const PURPOSES = {
  SUPERVISION: 'ongoing supervision of the payment system',
  INSPECTION: 'an announced inspection of One Gate',
  INVESTIGATION: 'the investigation of a case; required for personal data, together with X-Case-Number',
  STATISTICS: 'statistics without names',
  COMPLAINT: 'a consumer’s complaint',
  TEST: 'a test of the connection',
} as const;
export type Purpose = keyof typeof PURPOSES;

const CASE_NUMBER = /^[\w./-]{3,50}$/;

/** The headers of a regulator's request, for the document. */
export const regulatorHeaders = v.object({
  'X-Purpose-Code': v.pipe(
    v.picklist(Object.keys(PURPOSES) as [Purpose, ...Purpose[]]),
    v.description(
      `The purpose of the request; the access log keeps it. ${Object.entries(PURPOSES)
        .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
        .join('; ')}.`,
    ),
    v.examples(['SUPERVISION']),
  ),
  'X-Case-Number': v.optional(
    v.pipe(
      v.string(),
      v.regex(CASE_NUMBER),
      v.description('The number of the case. Required for personal data.'),
      v.examples(['OJK-2026/0815']),
    ),
  ),
});

/** The header as it was sent, cut to the length that the log keeps. Null if it is missing. */
export function writtenHeader(headers: Headers, name: string, most: number): string | null {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(', ') : value;
  return text ? text.slice(0, most) : null;
}

/** Undefined if the header names no known purpose. */
export function purposeOf(headers: Headers): Purpose | undefined {
  const code = writtenHeader(headers, 'x-purpose-code', 50);
  return code !== null && Object.hasOwn(PURPOSES, code) ? (code as Purpose) : undefined;
}

/** Throws `case_number_required` unless the request names a case and its purpose is an investigation. */
export function requireCase(headers: Headers): void {
  const number = writtenHeader(headers, 'x-case-number', 60);
  if (purposeOf(headers) !== 'INVESTIGATION' || number === null || !CASE_NUMBER.test(number)) {
    throw new Problem('case_number_required');
  }
}
