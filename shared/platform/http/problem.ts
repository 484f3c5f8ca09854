// A refusal as RFC 9457 problem+json. Throw it for the caller's faults. Any other error becomes a bare internal_error.

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
  /** Whether the money may have moved. The default is `failed`. */
  outcome?: 'failed' | 'unknown';
  /** With `unknown`: the key that tells the outcome. */
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

/**
 * The seconds after which a caller of an `unknown` should look, unless the problem says otherwise: about as long as a
 * batch can take.
 */
const LOOK_AFTER_SECONDS = '5';

/** The headers of a problem. With `unknown` they always say when to look. */
export function problemHeaders({ outcome, headers }: ProblemDetails): Record<string, string> | undefined {
  return outcome === 'unknown' ? { 'retry-after': LOOK_AFTER_SECONDS, ...headers } : headers;
}

/** The address where the caller finds the outcome of a request with this key. */
export function whereToLook(publicUrl: string, idempotencyKey: string): string {
  return `${publicUrl}/v1/idempotency-keys/${encodeURIComponent(idempotencyKey)}`;
}

/**
 * The body of a problem without the members of one delivery (`request_id`), so that it can be kept and replayed.
 * `aboutMoney` adds `outcome` and `safe_to_retry`, and to an `unknown` with a key also where and when to look.
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
