// One route of a function as an operation of the OpenAPI document.

import type { JsonSchema } from '@valibot/to-json-schema';
import type { FunctionDeclaration } from '../http/function.ts';
import type { Components, Operation, Parameter, Reference, Response } from './openapi.ts';
import { type AnyTrigger, problemsOf, refusals } from './refusal.ts';
import type { Sampler } from './sample.ts';
import type { SchemaBook } from './schema.ts';
import { success } from './success.ts';

/** How often the gateway lets an operation be called. */
export interface Quota {
  perMinute: number;
  per: 'user' | 'address';
}

export interface DescribedFunction {
  /** The folder it lives in. */
  domain: string;
  declaration: FunctionDeclaration;
  quota?: Quota;
}

/** What operations are described with. */
export interface Desk {
  publicUrl: string;
  book: SchemaBook;
  sample: Sampler;
  components: Components;
}

export function operation(described: DescribedFunction, http: AnyTrigger, route: string, desk: Desk): Operation {
  const { declaration, domain, quota } = described;
  const [method = '', path = ''] = route.split(' ');
  const body = http.body ? desk.book.describe(http.body, 'input') : undefined;
  const example = body && desk.sample.request(resolve(body, desk.book));
  const parameters = parametersOf(http, path, desk.book);
  const description = [declaration.description, quota && quotaInWords(quota)].filter(Boolean).join('\n\n');
  return {
    operationId: route === http.route ? declaration.name : [declaration.name, ...path.match(/\w+/g)!].join('-'),
    tags: [domain],
    summary: declaration.summary,
    ...(description && { description }),
    security: http.caller.scheme === 'bearer' ? [{ access_token: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body, example } } } }),
    responses: {
      [String(http.status)]: success(declaration.name, http, desk.book, desk.sample),
      ...refusals(http, desk.publicUrl, desk.components),
    } as Record<string, Response | Reference>,
    'x-problem-codes': problemsOf(http),
    'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: curl(http, method, path, parameters, example, desk) }],
  };
}

function quotaInWords({ perMinute, per }: Quota): string {
  return `At most ${perMinute} requests a minute per ${per}; then 429 \`rate_limited\`.`;
}

const IDEMPOTENCY_KEY = { $ref: '#/components/parameters/Idempotency-Key' };

function parametersOf(http: AnyTrigger, path: string, book: SchemaBook): (Parameter | Reference)[] {
  return [
    ...(http.path ? parametersIn('path', http.path, book).filter(({ name }) => path.includes(`{${name}}`)) : []),
    ...(http.idempotencyKey ? [IDEMPOTENCY_KEY] : []),
    ...(http.query ? parametersIn('query', http.query, book) : []),
  ];
}

function parametersIn(place: 'path' | 'query', schema: AnyTrigger['query'], book: SchemaBook): Parameter[] {
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

/** The request as it can be pasted into a shell. */
function curl(
  http: AnyTrigger,
  method: string,
  path: string,
  parameters: (Parameter | Reference)[],
  example: unknown,
  { publicUrl, sample }: Desk,
): string {
  const given = parameters.filter((parameter): parameter is Parameter => 'name' in parameter);
  const value = (parameter: Parameter) => encodeURIComponent(String(sample(parameter.schema)));
  const address = given
    .filter((parameter) => parameter.in === 'path')
    .reduce((text, parameter) => text.replace(`{${parameter.name}}`, value(parameter)), path);
  const search = given
    .filter((parameter) => parameter.in === 'query' && (parameter.required || parameter.schema.examples))
    .map((parameter) => `${parameter.name}=${value(parameter)}`);
  const parts = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} '${publicUrl}${address}${search.length > 0 ? `?${search.join('&')}` : ''}'`,
    http.caller.scheme === 'bearer' && '-H "Authorization: Bearer $ACCESS_TOKEN"',
    http.idempotencyKey && '-H "Idempotency-Key: $(uuidgen)"',
    example !== undefined && "-H 'Content-Type: application/json'",
    example !== undefined && `-d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`,
  ];
  return parts.filter(Boolean).join(' \\\n  ');
}
