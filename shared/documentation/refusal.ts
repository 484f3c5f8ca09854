// The refusals of an operation, as responses of the OpenAPI document.

import { type ProblemCode, problems } from '../platform/http/problems.ts';
import type { AnyTrigger } from './described-function.ts';
import { GATEWAY_QUOTA, headersOf, OWN_QUOTA } from './header.ts';
import type { Components, Reference, Response } from './openapi.ts';
import { problemExample } from './problem-example.ts';

/** The function's own problems and those of the host and the gateway, in the order of the catalogue. */
export function problemsOf(http: AnyTrigger): ProblemCode[] {
  const sends = !http.route.startsWith('GET ');
  const can = new Set<ProblemCode>([
    ...http.errors,
    ...anyRequest,
    ...(sends ? requestsWithABody : []),
    ...(http.body ? (['malformed_json'] as const) : []),
    ...(http.body || http.query || http.path ? (['invalid_request'] as const) : []),
    ...(http.path ? (['not_found'] as const) : []),
    ...(http.caller.scheme === 'bearer' ? strangers : []),
    ...(http.caller.scheme === 'api-key' ? keyHolders : []),
    ...(http.idempotencyKey ? requestsAboutMoney : []),
  ]);
  return (Object.keys(problems) as ProblemCode[]).filter((code) => can.has(code));
}

const anyRequest = [
  'cloudevent_refused',
  'rate_limited',
  'internal_error',
  'bad_gateway',
  'service_unavailable',
  'gateway_timeout',
] as const satisfies readonly ProblemCode[];
const requestsWithABody = ['payload_too_large', 'unsupported_media_type'] as const satisfies readonly ProblemCode[];
const strangers = ['unauthorized', 'token_expired', 'session_ended'] as const satisfies readonly ProblemCode[];
const keyHolders = [
  'api_key_required',
  'purpose_required',
  'not_permitted',
  'address_not_allowed',
] as const satisfies readonly ProblemCode[];
const requestsAboutMoney = [
  'idempotency_key_missing',
  'idempotency_key_invalid',
  'request_in_progress',
  'idempotency_key_reused',
  'outcome_unknown',
] as const satisfies readonly ProblemCode[];

/** One response per status. Responses that several operations share are components, named by their codes. */
export function refusals(http: AnyTrigger, publicUrl: string, components: Components): Record<string, Reference> {
  const aboutMoney = http.idempotencyKey === true;
  const byStatus = Map.groupBy(problemsOf(http), (code) => problems[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const name = [...codes, ...(aboutMoney ? ['money'] : [])].join('.');
      components.responses[name] ??= response(status, codes, aboutMoney, publicUrl, components);
      return [String(status), { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function response(
  status: number,
  codes: ProblemCode[],
  aboutMoney: boolean,
  publicUrl: string,
  components: Components,
): Response {
  const examples = codes.map((code) => {
    const name = aboutMoney ? `${code}.money` : code;
    components.examples[name] ??= { summary: problems[code].title, value: problemExample(publicUrl, code, aboutMoney) };
    return [code, { $ref: `#/components/examples/${name}` }] as const;
  });
  const mayBeReplayed = aboutMoney && codes.some((code) => keptAndReplayed.has(problems[code].status));
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers: headersOf(
      'X-Request-Id',
      ...(codes.some((code) => asksToWait.has(code)) ? (['Retry-After'] as const) : []),
      ...(mayBeReplayed ? (['Idempotent-Replayed'] as const) : []),
      ...(codes.includes('unauthorized') ? (['WWW-Authenticate'] as const) : []),
      ...(status === 429 ? [...GATEWAY_QUOTA, ...OWN_QUOTA] : []),
    ),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: `#/components/schemas/${aboutMoney ? 'MoneyProblem' : 'Problem'}` },
            { properties: { status: { const: status }, code: { enum: codes } } },
          ],
        },
        examples: Object.fromEntries(examples),
      },
    },
  };
}

const asksToWait = new Set<ProblemCode>([
  'request_in_progress',
  'rate_limited',
  'service_unavailable',
  'money_frozen',
  'outcome_unknown',
]);

/** A refusal that was decided under the key is kept with it. */
const keptAndReplayed = new Set([402, 403, 404, 409, 422]);

/** The schemas of a problem with any code. */
export const problemSchemas = {
  Problem: {
    title: 'Problem',
    description: 'Why a request was refused (RFC 9457).',
    type: 'object',
    required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
    properties: {
      type: { type: 'string', format: 'uri', description: "The code's own page: its meaning and the next step." },
      title: { type: 'string', description: 'The problem in a few words. The same for every problem with this code.' },
      status: { type: 'integer', description: 'The HTTP status.' },
      code: {
        type: 'string',
        description: 'Programs branch on it. A code never changes its meaning; new codes may be added.',
      },
      detail: { type: 'string', description: 'The next step in this case.' },
      request_id: { type: 'string', description: 'The X-Request-Id of this answer. Quote it to support.' },
      policy: {
        type: 'object',
        description: 'With 429: the limit that was reached.',
        properties: {
          name: { type: 'string', examples: ['minute'] },
          limit: { type: 'integer', description: 'The most requests in a window.' },
          window_seconds: { type: 'integer' },
        },
      },
      errors: {
        type: 'array',
        description: 'The invalid fields.',
        items: { $ref: '#/components/schemas/FieldError' },
      },
    },
  },
  FieldError: {
    title: 'FieldError',
    type: 'object',
    required: ['pointer', 'detail'],
    properties: {
      pointer: {
        type: 'string',
        description:
          'A JSON pointer into the body, such as `/amount`; `query/<name>`, `path/<name>` or `header/<name>` for the ' +
          'other parts.',
        examples: ['/amount'],
      },
      detail: { type: 'string', description: 'What the field must be.', examples: ['must be more than zero'] },
    },
  },
  MoneyProblem: {
    title: 'MoneyProblem',
    description: 'Why a request about money was refused, and whether it is safe to send it again.',
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      {
        type: 'object',
        required: ['outcome', 'safe_to_retry'],
        properties: {
          outcome: {
            type: 'string',
            enum: ['failed', 'unknown'],
            description:
              '`failed`: no money has moved. `unknown`: it may have; send the same request with the same key to find ' +
              'out.',
          },
          safe_to_retry: {
            type: 'boolean',
            description: 'The same request with the same Idempotency-Key may be sent again, and may succeed.',
          },
          look_at: {
            type: 'string',
            format: 'uri',
            description: 'With `unknown`: the address that tells the outcome.',
          },
          look_after_seconds: {
            type: 'integer',
            description: 'The seconds until you should look. Equals Retry-After.',
          },
          limit: {
            type: 'object',
            description:
              'The rule that refused the request, its value, and the rest below it. The rest is null if it is not ' +
              'yours to see.',
            required: ['rule', 'value', 'left', 'currency'],
            properties: {
              rule: {
                type: 'string',
                enum: ['wallet_balance', 'monthly_incoming', 'largest_balance', 'held_amount', 'paid_amount'],
              },
              value: { type: 'string' },
              left: { type: ['string', 'null'] },
              currency: { type: 'string' },
            },
          },
        },
      },
    ],
  },
} as const;
