// A refusal as RFC 9457 problem+json. Thrown for the caller's faults; anything else that is thrown becomes a bare internal_error.

import { type ProblemCode, problems } from './problems.ts';

/** One unusable field: a JSON pointer into the body, or `query/<name>`, `path/<name>`, `header/<name>`. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export interface ProblemDetails {
  detail?: string;
  errors?: FieldError[];
  headers?: Record<string, string>;
  /** Whether the money may have moved; `failed` unless told. */
  outcome?: 'failed' | 'unknown';
  /** Extension members, in snake_case. */
  members?: Record<string, unknown>;
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/**
 * The body of a problem without the members that belong to one delivery (`request_id`), so that it can be kept and replayed.
 * `aboutMoney` adds `outcome` and `safe_to_retry`.
 */
export function problemBody(
  publicUrl: string,
  code: ProblemCode,
  details: ProblemDetails,
  aboutMoney: boolean,
): string {
  const kind = problems[code];
  return JSON.stringify({
    type: `${publicUrl}/errors/${code}`,
    title: kind.title,
    status: kind.status,
    code,
    detail: details.detail ?? kind.advice,
    ...(details.errors && { errors: details.errors }),
    ...(aboutMoney && { outcome: details.outcome ?? 'failed', safe_to_retry: kind.safeToRetry }),
    ...details.members,
  });
}
