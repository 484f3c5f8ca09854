// The headers of answers.

import type { Header, Reference } from './openapi.ts';

export const headers = {
  'X-Request-Id': {
    description:
      'The id of this request, for our logs and yours. If you send your own (up to 128 of `A-Za-z0-9_.:-`), the ' +
      'answer has the same.',
    schema: { type: 'string' },
  },
  'Idempotent-Replayed': {
    description:
      '`true` if this is the kept answer of an earlier request with the same Idempotency-Key. Absent otherwise.',
    schema: { type: 'string', enum: ['true'] },
  },
  'WWW-Authenticate': {
    description: 'The fault of the access token (RFC 6750).',
    schema: { type: 'string', examples: ['Bearer realm="one-gate", error="invalid_token"'] },
  },
  'Retry-After': { description: 'Seconds to wait before the next attempt.', schema: { type: 'integer', minimum: 0 } },
  'RateLimit-Limit': { description: 'Requests allowed in a minute.', schema: { type: 'integer' } },
  'RateLimit-Remaining': { description: 'Requests left in this minute.', schema: { type: 'integer' } },
  'RateLimit-Reset': { description: 'Seconds until the minute is over.', schema: { type: 'integer' } },
  RateLimit: {
    description:
      "The rest of this operation's own quotas, and the seconds until they are full again " +
      '(draft-ietf-httpapi-ratelimit-headers).',
    schema: { type: 'string', examples: ['"login-account";r=9;t=900'] },
  },
  'RateLimit-Policy': {
    description: "This operation's own quotas: `q` requests in `w` seconds.",
    schema: { type: 'string', examples: ['"login-account";q=10;w=900'] },
  },
} as const satisfies Record<string, Header>;

/** The gateway counts every call by the minute. */
export const GATEWAY_QUOTA = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;
/** For operations that also count attempts themselves. */
export const OWN_QUOTA = ['RateLimit', 'RateLimit-Policy'] as const;

export type HeaderName = keyof typeof headers;

export function headersOf(...names: HeaderName[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
