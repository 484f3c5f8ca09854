// What an operation answers when it succeeds, as a response of the OpenAPI document.

import { STATUS_CODES } from 'node:http';
import { agreeing } from './example.ts';
import { GATEWAY_QUOTA, type HeaderName, headersOf, OWN_QUOTA } from './header.ts';
import type { Response } from './openapi.ts';
import { REQUEST_ID } from './problem-example.ts';
import type { AnyTrigger } from './refusal.ts';
import type { Sampler } from './sample.ts';
import type { SchemaBook } from './schema.ts';

export function success(name: string, http: AnyTrigger, book: SchemaBook, sample: Sampler): Response {
  const names: HeaderName[] = [
    'X-Request-Id',
    ...GATEWAY_QUOTA,
    ...(http.errors.includes('rate_limited') ? OWN_QUOTA : []),
    ...(http.idempotencyKey ? (['Idempotent-Replayed'] as const) : []),
  ];
  const response = { description: STATUS_CODES[http.status] ?? 'Success', headers: headersOf(...names) };
  if (http.status === 204) return response;
  const answer = book.describe(http.answer, 'output');
  if (http.raw) {
    const example = http.raw.includes('json') ? { example: sample(answer) } : {};
    return { ...response, content: { [http.raw]: { schema: answer, ...example } } };
  }
  const schema = envelope(http.list ? { type: 'array', items: answer } : answer, http.list === true);
  return { ...response, content: { 'application/json': { schema, example: agreeing(name, sample(schema)) } } };
}

function envelope(data: object, page: boolean): object {
  return {
    type: 'object',
    required: ['data', ...(page ? ['next_cursor'] : []), 'request_id', 'timestamp'],
    properties: {
      data,
      ...(page && {
        next_cursor: {
          type: ['string', 'null'],
          description: 'Pass it as `cursor` to get the next page; null on the last one.',
          examples: [null],
        },
      }),
      request_id: { type: 'string', description: 'The same as X-Request-Id.', examples: [REQUEST_ID] },
      timestamp: {
        type: 'string',
        format: 'date-time',
        description: 'When this was answered.',
        examples: ['2026-11-20T04:05:06.789Z'],
      },
    },
  };
}
