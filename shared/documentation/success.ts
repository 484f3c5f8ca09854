// The successful answers of an operation, as responses of the OpenAPI document.

import { STATUS_CODES } from 'node:http';
import type { AnyTrigger, Desk } from './described-function.ts';
import { agreeing } from './example.ts';
import { GATEWAY_QUOTA, type HeaderName, headersOf, OWN_QUOTA } from './header.ts';
import type { Reference, Response } from './openapi.ts';
import { REQUEST_ID } from './problem-example.ts';
import type { Sampler } from './sample.ts';
import type { SchemaBook } from './schema.ts';

/** The answers by status. If a refusal has the same status, the description names both. */
export function successes(
  name: string,
  http: AnyTrigger,
  refusals: Record<string, Reference>,
  { book, sample, components }: Desk,
): Record<string, Response> {
  const also = Object.entries(http.alsoStatus ?? {}).map(([status, when]) => {
    const refusal = refusals[status] && components.responses[refusals[status].$ref.slice(RESPONSES.length)];
    const answer = success(`${name} ${status}`, http, when, book, sample);
    return [
      status,
      refusal
        ? {
            description: `${when} Or ${refusal.description}.`,
            headers: { ...answer.headers, ...refusal.headers },
            content: { ...answer.content, ...refusal.content },
          }
        : answer,
    ] as const;
  });
  const usual = success(`${name} ${http.status}`, http, STATUS_CODES[http.status] ?? 'Success', book, sample);
  return { [String(http.status)]: usual, ...Object.fromEntries(also) };
}

const RESPONSES = '#/components/responses/';

function success(name: string, http: AnyTrigger, description: string, book: SchemaBook, sample: Sampler): Response {
  const names: HeaderName[] = [
    'X-Request-Id',
    ...GATEWAY_QUOTA,
    ...(http.errors.includes('rate_limited') || http.caller.scheme === 'api-key' ? OWN_QUOTA : []),
    ...(http.idempotencyKey ? (['Idempotent-Replayed'] as const) : []),
  ];
  const response = { description, headers: headersOf(...names) };
  if (http.status === 204) return response;
  const answer = book.describe(http.answer, 'output');
  if (http.raw) {
    const example = http.raw.includes('json') ? { example: sample(answer) } : {};
    return { ...response, content: { [http.raw]: { schema: answer, ...example } } };
  }
  const data = http.list ? { type: 'array', items: answer } : answer;
  const schema = envelope(data, http.list === true, http.idempotencyKey === true);
  return { ...response, content: { 'application/json': { schema, example: agreeing(name, sample(schema)) } } };
}

const moneyMembers = {
  outcome: {
    type: 'string',
    enum: ['succeeded', 'pending'],
    description: '`succeeded`: it is done. `pending`: not yet; the transaction tells how it ends.',
    examples: ['succeeded'],
  },
  safe_to_retry: {
    type: 'boolean',
    description: 'The same request with the same Idempotency-Key may be sent again. It gets this answer again.',
    examples: [true],
  },
} as const;

function envelope(data: object, page: boolean, money: boolean): object {
  return {
    type: 'object',
    required: [
      'data',
      ...(page ? ['next_cursor'] : []),
      ...(money ? Object.keys(moneyMembers) : []),
      'request_id',
      'timestamp',
    ],
    properties: {
      data,
      ...(page && {
        next_cursor: {
          type: ['string', 'null'],
          description: 'Pass it as `cursor` to get the next page. Null on the last page.',
          examples: [null],
        },
      }),
      ...(money && moneyMembers),
      request_id: { type: 'string', description: 'The same as X-Request-Id.', examples: [REQUEST_ID] },
      timestamp: {
        type: 'string',
        format: 'date-time',
        description: 'The time of this answer.',
        examples: ['2026-11-20T04:05:06.789Z'],
      },
    },
  };
}
