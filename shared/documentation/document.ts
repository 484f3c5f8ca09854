// The OpenAPI 3.1 document of a list of functions. Everything in it comes from their declarations, so it cannot drift.

import type { AnyTrigger, DescribedFunction, Desk } from './described-function.ts';
import { headers } from './header.ts';
import { domains, introduction } from './introduction.ts';
import type { Components, OpenApiDocument, Operation, Parameter } from './openapi.ts';
import { operation } from './operation.ts';
import { PUBLIC_URL_PLACEHOLDER } from './problem-example.ts';
import { problemSchemas } from './refusal.ts';
import { sampler } from './sample.ts';
import { schemaBook } from './schema.ts';

/**
 * Throws if a declaration cannot be described: a schema that JSON Schema cannot express, two schemas with one title, or
 * two functions at one route.
 */
export function describeApi(functions: readonly DescribedFunction[], version: string): OpenApiDocument {
  const book = schemaBook();
  const components: Components = {
    schemas: {},
    responses: {},
    parameters: { 'Idempotency-Key': idempotencyKey },
    examples: {},
    headers,
    securitySchemes: { access_token: accessToken, api_key: apiKey },
  };
  const desk = { publicUrl: PUBLIC_URL_PLACEHOLDER, book, sample: sampler(book), components };
  const paths: OpenApiDocument['paths'] = {};
  for (const described of inReadingOrder(functions)) {
    const http: AnyTrigger | undefined = described.declaration.http;
    for (const route of http ? documentedRoutes(http) : []) {
      const [method = '', path = ''] = route.split(' ');
      const verb = method.toLowerCase();
      if (paths[path]?.[verb]) throw new Error(`Two functions answer ${route}.`);
      paths[path] = { ...paths[path], [verb]: describe(as(route, described), route, desk) };
    }
  }
  const used = new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap(({ tags }) => tags)));
  return {
    openapi: '3.1.0',
    info: {
      title: 'One Gate',
      version,
      summary: 'Wallets, payments and top-ups.',
      description: introduction,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: PUBLIC_URL_PLACEHOLDER, description: 'This platform' }],
    tags: domains
      .filter(({ name }) => used.has(name))
      .map(({ name, title, description }) => ({ name, 'x-displayName': title, description })),
    paths,
    components: {
      ...components,
      schemas: { ...book.components(), ...problemSchemas },
      responses: sorted(components.responses),
      examples: sorted(components.examples),
    },
  };
}

/** The function at one of its routes, which may have its own description. */
function as(
  route: string,
  { declaration, ...rest }: DescribedFunction,
): DescribedFunction & { declaration: { http: AnyTrigger } } {
  const http = declaration.http as AnyTrigger;
  const own = http.describedAt?.[route];
  if (!own) return { ...rest, declaration: { ...declaration, http } };
  const { summary, description, ...trigger } = own;
  return { ...rest, declaration: { ...declaration, summary, description, http: { ...http, ...trigger } } };
}

function describe(described: ReturnType<typeof as>, route: string, desk: Desk): Operation {
  try {
    return operation(described, described.declaration.http, route, desk);
  } catch (cause) {
    throw new Error(
      `${described.declaration.name} cannot be described: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** Leaves out routes below a page (a script, a picture): they are parts of the page. */
function documentedRoutes(http: AnyTrigger): string[] {
  return [http.route, ...(http.alsoAt ?? []).filter((route) => !route.startsWith(`${http.route}/`))];
}

function inReadingOrder(functions: readonly DescribedFunction[]): DescribedFunction[] {
  const place = ({ domain, declaration: { name } }: DescribedFunction): [number, number] => {
    const index = domains.findIndex((known) => known.name === domain);
    if (index < 0) throw new Error(`The domain ${domain} has no description in shared/documentation/introduction.ts.`);
    const first: readonly string[] = domains[index]?.first ?? [];
    return [index, first.includes(name) ? first.indexOf(name) : first.length];
  };
  return functions
    .map((described) => ({ described, place: place(described), name: described.declaration.name }))
    .sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1] || (a.name < b.name ? -1 : 1))
    .map(({ described }) => described);
}

function sorted<Value>(values: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description:
    'Your own name for this movement of money, such as a UUID: at most 255 printable ASCII characters, bare or in ' +
    'double quotes. Send the same key with every retry: the money moves once, and you get the first answer again. A ' +
    'key belongs to your account, across all functions, and is kept for 30 days.',
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x20-\\x7e]+$',
    examples: ['8e03978e-40d5-43e8-bc93-6894a57f9324'],
  },
};

const apiKey = {
  type: 'apiKey',
  in: 'header',
  name: 'X-API-Key',
  description:
    'The key that One Gate has issued to a regulator: `ogk_live_` and 38 characters. It works from the agreed ' +
    'networks, within its permissions and limits.',
};

const accessToken = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description:
    'The `access_token` of `/v1/login` or `/v1/refresh`: a JWT signed with EdDSA (Ed25519), valid for 15 minutes. ' +
    'Its public keys are at `/.well-known/jwks.json`.',
};
