// One route of a function as an operation of the OpenAPI document.

import type { JsonSchema } from '@valibot/to-json-schema';
import type { GatewayLimit } from '../platform/http/function.ts';
import { curl } from './curl.ts';
import type { AnyTrigger, DescribedFunction, Desk } from './described-function.ts';
import type { Operation, Parameter, Reference } from './openapi.ts';
import { problemsOf, refusals } from './refusal.ts';
import type { SchemaBook } from './schema.ts';
import { successes } from './success.ts';

export function operation(described: DescribedFunction, http: AnyTrigger, route: string, desk: Desk): Operation {
  const { declaration, domain } = described;
  const [method = '', path = ''] = route.split(' ');
  const sent = http.body ?? http.protocol?.body;
  const body = sent && desk.book.describe(sent, 'input');
  const example = body && desk.sample.request(resolve(body, desk.book));
  const parameters = parametersOf(http, path, desk.book);
  const description = [declaration.description, http.limit && limitInWords(http.limit)].filter(Boolean).join('\n\n');
  const refused = refusals(http, desk.publicUrl, desk.components);
  return {
    operationId: route === http.route ? declaration.name : [declaration.name, ...path.match(/\w+/g)!].join('-'),
    tags: [domain],
    summary: declaration.summary,
    ...(description && { description }),
    security: securityOf(http),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body, example } } } }),
    responses: { ...refused, ...successes(declaration.name, http, refused, desk) },
    'x-problem-codes': problemsOf(http),
    ...(!http.protocol && {
      'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: curl(http, method, path, parameters, example, desk) }],
    }),
  };
}

function securityOf({ caller }: AnyTrigger): Record<string, []>[] {
  if (caller.scheme === 'none') return [];
  return [caller.scheme === 'bearer' ? { access_token: [] } : { api_key: [] }];
}

function limitInWords({ perMinute, by }: GatewayLimit): string {
  return `At most ${perMinute} requests a minute per ${by}; then 429 \`rate_limited\`.`;
}

const IDEMPOTENCY_KEY = { $ref: '#/components/parameters/Idempotency-Key' };

function parametersOf(http: AnyTrigger, path: string, book: SchemaBook): (Parameter | Reference)[] {
  return [
    ...(http.path ? parametersIn('path', http.path, book).filter(({ name }) => path.includes(`{${name}}`)) : []),
    ...(http.protocol ? parametersIn('header', http.protocol.headers, book) : []),
    ...(http.headers ? parametersIn('header', http.headers, book) : []),
    ...(http.idempotencyKey ? [IDEMPOTENCY_KEY] : []),
    ...(http.query ? parametersIn('query', http.query, book) : []),
  ];
}

function parametersIn(place: 'path' | 'query' | 'header', schema: AnyTrigger['query'], book: SchemaBook): Parameter[] {
  const { properties = {}, required = [] } = resolve(
    book.describe(schema, place === 'query' ? 'query' : 'input'),
    book,
  );
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as JsonSchema;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description && { description }),
      schema: rest,
    };
  });
}

function resolve(schema: JsonSchema, book: SchemaBook): JsonSchema {
  const title = schema.$ref?.slice('#/components/schemas/'.length);
  return (title !== undefined && book.components()[title]) || schema;
}
