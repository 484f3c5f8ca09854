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
  /** Of an `unknown`: the key that tells what became of it. */
  idempotencyKey?: string;
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

/** When whoever was told `unknown` should look, in seconds, unless the problem says otherwise: about as long as a batch can take. */
const LOOK_AFTER_SECONDS = '5';

/** The headers of a problem: an `unknown` always says when to look. */
export function problemHeaders({ outcome, headers }: ProblemDetails): Record<string, string> | undefined {
  return outcome === 'unknown' ? { 'retry-after': LOOK_AFTER_SECONDS, ...headers } : headers;
}

/** Where the caller finds out what became of a request with this key. */
export function whereToLook(publicUrl: string, idempotencyKey: string): string {
  return `${publicUrl}/v1/idempotency-keys/${encodeURIComponent(idempotencyKey)}`;
}

/**
 * The body of a problem without the members that belong to one delivery (`request_id`), so that it can be kept and replayed.
 * `aboutMoney` adds `outcome` and `safe_to_retry`, and to an `unknown`, given the key, where to look and when.
 */
export function problemBody(
  publicUrl: string,
  code: ProblemCode,
  details: ProblemDetails,
  aboutMoney: boolean,
): string {
  const kind = problems[code];
  const { outcome = 'failed', idempotencyKey } = details;
  return JSON.stringify({
    type: `${publicUrl}/errors/${code}`,
    title: kind.title,
    status: kind.status,
    code,
    detail: details.detail ?? kind.advice,
    ...(details.errors && { errors: details.errors }),
    ...(aboutMoney && { outcome, safe_to_retry: kind.safeToRetry }),
    ...(aboutMoney &&
      outcome === 'unknown' &&
      idempotencyKey && {
        look_at: whereToLook(publicUrl, idempotencyKey),
        look_after_seconds: Number(problemHeaders(details)?.['retry-after']),
      }),
    ...details.members,
  });
}
