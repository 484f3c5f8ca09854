// Why a regulator looks: every request says it, and the access log keeps it.

import * as v from 'valibot';
import type { Headers } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';

export const PURPOSES = {
  SUPERVISION: 'ongoing supervision of the payment system',
  INSPECTION: 'an announced inspection of One Gate',
  INVESTIGATION: 'a case against somebody; needed to see personal data, with its number in X-Case-Number',
  STATISTICS: 'statistics that name nobody',
  COMPLAINT: 'a consumer’s complaint',
  TEST: 'trying the connection',
} as const;
export type Purpose = keyof typeof PURPOSES;

const CASE_NUMBER = /^[\w./-]{3,50}$/;

/** The headers of a regulator's request, for the document. */
export const regulatorHeaders = v.object({
  'X-Purpose-Code': v.pipe(
    v.picklist(Object.keys(PURPOSES) as [Purpose, ...Purpose[]]),
    v.description(
      `Why you look; the access log keeps it. ${Object.entries(PURPOSES)
        .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
        .join('; ')}.`,
    ),
    v.examples(['SUPERVISION']),
  ),
  'X-Case-Number': v.optional(
    v.pipe(
      v.string(),
      v.regex(CASE_NUMBER),
      v.description('The number of the case, where personal data is asked for.'),
      v.examples(['OJK-2026/0815']),
    ),
  ),
});

/** As it was written, cut to what the log keeps; null where there is none. */
export function writtenHeader(headers: Headers, name: string, most: number): string | null {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(', ') : value;
  return text ? text.slice(0, most) : null;
}

/** Undefined where no known purpose is named. */
export function purposeOf(headers: Headers): Purpose | undefined {
  const code = writtenHeader(headers, 'x-purpose-code', 50);
  return code !== null && Object.hasOwn(PURPOSES, code) ? (code as Purpose) : undefined;
}

/** A `case_number_required` Problem unless the request is about a case and says which. */
export function requireCase(headers: Headers): void {
  const number = writtenHeader(headers, 'x-case-number', 60);
  if (purposeOf(headers) !== 'INVESTIGATION' || number === null || !CASE_NUMBER.test(number)) {
    throw new Problem('case_number_required');
  }
}
