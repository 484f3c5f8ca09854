// The table of fields: what every operation takes and answers, one line per field. A named schema stands there once; a
// field that refers to it has its name as type. The table shows a review what changed in the API; breaking-changes.ts
// compares it.

import type { OpenApiDocument, Parameter, Reference } from '../../shared/documentation/openapi.ts';
import { rowsOf, table, wrapped } from '../local/table.ts';

export interface Field {
  /** "POST /v1/pay", or the name of a schema. */
  of: string;
  /** path, query, header, body, a status of success, or SCHEMA; with the media type where it is not JSON. */
  part: string;
  /** "data.items[].id"; empty: the whole part. */
  name: string;
  /** Sorted types, values in quotes, names of schemas. */
  types: string[];
  /** In a request: it must be sent. In an answer: it is always there. */
  required: boolean;
}

const HEAD = ['of', 'part', 'field', 'type', 'required'] as const;
/** How a part that is not an object of its own is written. */
const WHOLE = '(whole)';
/** The part of a schema that has a name of its own. */
export const SCHEMA = 'schema';
const JSON_TYPE = 'application/json';

/** Refusals are the same for all operations. */
const REFUSALS = [
  ['any refusal', 'Problem'],
  ['any refusal about money', 'MoneyProblem'],
] as const;

interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
}

export function fieldsOf(document: OpenApiDocument): Field[] {
  const operations = Object.entries(document.paths)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([method, operation]) => ({ of: `${method.toUpperCase()} ${path}`, operation })),
    );
  return [
    ...operations.flatMap(({ of, operation }) => [
      ...(operation.parameters ?? []).map((each) => parameterField(of, resolve(each, document))),
      ...partsOf(of, 'body', operation.requestBody?.content ?? {}),
      ...Object.entries(operation.responses)
        .filter(([status]) => Number(status) < 400)
        .flatMap(([status, response]) => partsOf(of, status, resolve(response, document).content ?? {})),
    ]),
    ...REFUSALS.map(([of, schema]) => ({ of, part: 'refusal', name: '', types: [schema], required: true })),
    ...Object.entries(document.components.schemas)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([of, schema]) => fieldsBelow(of, SCHEMA, schema as Schema)),
  ];
}

export function fieldsTable(fields: readonly Field[]): string {
  const rows = fields.map(({ of, part, name, types, required }) => [
    of,
    part,
    name || WHOLE,
    types.join(' or '),
    required ? 'yes' : 'no',
  ]);
  return [
    '# Fields of the API',
    '',
    wrapped(
      'What each operation takes and answers. Of an answer, required means that the field is always there. `make generate` writes this file.',
    ),
    '',
    ...table(HEAD, rows),
    '',
  ].join('\n');
}

/** Reads what `fieldsTable` wrote. */
export function readFields(text: string): Field[] {
  return rowsOf(text, HEAD).map(({ of, part, field, type, required }) => ({
    of,
    part,
    name: field === WHOLE ? '' : field,
    types: type.split(' or '),
    required: required === 'yes',
  }));
}

function parameterField(of: string, { in: part, name, schema, required }: Parameter): Field {
  return { of, part, name, types: [...(describe(schema as Schema).get('')?.types ?? [])].sort(), required };
}

function partsOf(of: string, part: string, content: Record<string, { schema: object }>): Field[] {
  return Object.entries(content).flatMap(([mediaType, { schema }]) =>
    fieldsBelow(of, mediaType === JSON_TYPE ? part : `${part} ${mediaType}`, schema as Schema),
  );
}

function fieldsBelow(of: string, part: string, schema: Schema): Field[] {
  const described = describe(schema);
  const isPlainObject = described.size > 1 && [...(described.get('')?.types ?? [])].join() === 'object';
  return [...described]
    .filter(([name]) => name !== '' || !isPlainObject)
    .map(([name, { types, required }]) => ({ of, part, name, types: [...types].sort(), required }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Described {
  types: Set<string>;
  required: boolean;
}

/** Fields by their names within the schema, the schema itself as ''. */
function describe(schema: Schema): Map<string, Described> {
  if (schema.$ref) return new Map([['', { types: new Set([lastOf(schema.$ref)]), required: true }]]);
  const alternatives = schema.anyOf ?? schema.oneOf;
  const together = [
    ...(schema.allOf ?? []).map(describe),
    ...(alternatives ? [either(alternatives.map(describe))] : []),
  ];
  return together.length > 0 && !schema.properties
    ? merge(together, 'some')
    : merge([own(schema), ...together], 'some');
}

/** One of several schemas: a field is certain when each of them has it, apart from null. */
function either(variants: Map<string, Described>[]): Map<string, Described> {
  const isNull = (variant: Map<string, Described>) => [...(variant.get('')?.types ?? [])].join() === 'null';
  const merged = merge(
    variants.filter((variant) => !isNull(variant)),
    'every',
  );
  if (variants.some(isNull)) merged.get('')?.types.add('null');
  return merged;
}

function own({
  type,
  const: value,
  enum: values,
  items,
  properties = {},
  required = [],
  additionalProperties,
}: Schema) {
  const found = new Map<string, Described>();
  const types = values?.map(literal) ?? (value !== undefined ? [literal(value)] : [type ?? 'any'].flat());
  found.set('', { types: new Set(types), required: true });
  const add = (name: string, schema: Schema, isRequired: boolean) => {
    for (const [inner, { types, required }] of describe(schema)) {
      found.set(joined(name, inner), { types, required: inner === '' ? isRequired : required });
    }
  };
  if (items) add('[]', items, true);
  if (typeof additionalProperties === 'object') add('*', additionalProperties, false);
  for (const [name, schema] of Object.entries(properties)) add(name, schema, required.includes(name));
  return found;
}

function merge(all: Map<string, Described>[], requiredIn: 'some' | 'every'): Map<string, Described> {
  const names = new Set(all.flatMap((each) => [...each.keys()]));
  return new Map(
    [...names].map((name) => [
      name,
      {
        types: new Set(all.flatMap((each) => [...(each.get(name)?.types ?? [])])),
        required: all[requiredIn]((each) => each.get(name)?.required === true),
      },
    ]),
  );
}

/** Writes a value as a type of its own; a value that would break the table is written as its type. */
function literal(value: unknown): string {
  if (value === null) return 'null';
  return /^[\w./:+-]*$/.test(String(value)) ? JSON.stringify(value) : typeof value;
}

export function joined(name: string, inner: string): string {
  return name === '' || inner === '' || inner.startsWith('[]') ? name + inner : `${name}.${inner}`;
}

function resolve<Part>(part: Part | Reference, document: OpenApiDocument): Part {
  if (typeof part !== 'object' || part === null || !('$ref' in part)) return part as Part;
  const [kind = '', name = ''] = part.$ref.split('/').slice(2);
  return (document.components as unknown as Record<string, Record<string, Part>>)[kind]?.[name] as Part;
}

function lastOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
