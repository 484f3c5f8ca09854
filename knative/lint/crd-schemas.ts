// Reads custom resource definitions, the very schemas that a cluster holds, and makes JSON Schemas of them that also
// refuse unknown fields, which the API server would drop without a word.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../kong/lint/place.ts';

/** A node of `openAPIV3Schema`, or of the JSON Schema made of it. */
export type Schema = Record<string, unknown>;

export interface Crd {
  /** "serving.knative.dev/v1 Service" */
  kind: string;
  schema: Schema;
  /** The schema as the definition has it, with its rules in CEL. */
  definition: Schema;
}

interface Definition {
  kind: string;
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; served: boolean; schema: { openAPIV3Schema: Schema } }[];
  };
}

/** All served versions of all definitions in the folder. */
export async function readCrds(folder: string): Promise<Crd[]> {
  const files = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Definition | null))
    .filter((definition) => definition?.kind === 'CustomResourceDefinition')
    .flatMap((definition) => (definition ? versionsOf(definition) : []));
}

export function versionsOf({ spec }: Pick<Definition, 'spec'>): Crd[] {
  return spec.versions
    .filter(({ served }) => served)
    .map(({ name, schema: { openAPIV3Schema: schema } }) => ({
      kind: `${spec.group}/${name} ${spec.names.kind}`,
      schema: strictSchema(schema),
      definition: schema,
    }));
}

/** The fields that every object has, even if the definition does not mention them. */
const TYPE = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
const TEXTS = { type: ['object', 'null'], additionalProperties: { type: 'string' } };
/** The API server knows metadata itself; a definition only says that it is an object. */
const METADATA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    name: { type: 'string', maxLength: 253, pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
    generateName: { type: 'string' },
    namespace: { type: 'string' },
    labels: TEXTS,
    annotations: TEXTS,
    finalizers: { type: 'array', items: { type: 'string' } },
    ownerReferences: { type: 'array', items: { type: 'object' } },
  },
};

export function strictSchema(root: Schema): Schema {
  const made = strict(root);
  const properties = isRecord(made['properties']) ? made['properties'] : {};
  const required = Array.isArray(made['required']) ? made['required'] : [];
  return {
    ...made,
    properties: { ...properties, ...TYPE, metadata: METADATA },
    required: [...new Set([...required, 'apiVersion', 'kind', 'metadata'])],
  };
}

/** Keywords of JSON Schema that mean the same in a definition. */
const SAME = [
  ...['type', 'format', 'enum', 'required', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems'],
  ...['minimum', 'maximum', 'multipleOf', 'minProperties', 'maxProperties', 'default'],
];

function strict(node: Schema): Schema {
  const { properties, additionalProperties, items, nullable } = node;
  const made: Schema = Object.fromEntries(SAME.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]));
  // OpenAPI 3.0 has them as flags beside the bound.
  if (node['exclusiveMinimum'] === true) moveBound(made, 'minimum', 'exclusiveMinimum');
  if (node['exclusiveMaximum'] === true) moveBound(made, 'maximum', 'exclusiveMaximum');
  if (isRecord(items)) made['items'] = strict(items);
  if (isRecord(properties)) made['properties'] = mapped(properties, strict);
  if (isRecord(additionalProperties)) made['additionalProperties'] = strict(additionalProperties);
  else if (node['type'] === 'object' && additionalProperties !== true) {
    // The API server keeps no field of an object that declares none.
    if (node['x-kubernetes-preserve-unknown-fields'] !== true) made['additionalProperties'] = false;
  }
  if (node['x-kubernetes-embedded-resource'] === true) {
    made['properties'] = { ...(made['properties'] as Schema | undefined), ...TYPE, metadata: METADATA };
  }
  if (node['x-kubernetes-int-or-string'] === true) made['type'] = ['integer', 'string'];
  Object.assign(made, conditions(node));
  return nullable === true ? { anyOf: [{ type: 'null' }, made] } : made;
}

/**
 * Inside these a definition only adds constraints to fields that it has declared elsewhere, so unknown fields are not
 * refused here.
 */
function conditions(node: Schema): Schema {
  const found: Schema = {};
  for (const key of ['allOf', 'anyOf', 'oneOf']) {
    const branches = node[key];
    if (Array.isArray(branches)) found[key] = branches.map((branch) => condition(branch as Schema));
  }
  if (isRecord(node['not'])) found['not'] = condition(node['not']);
  return found;
}

function condition(node: Schema): Schema {
  const made: Schema = Object.fromEntries(SAME.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]));
  if (isRecord(node['properties'])) made['properties'] = mapped(node['properties'], condition);
  if (isRecord(node['items'])) made['items'] = condition(node['items']);
  return { ...made, ...conditions(node) };
}

function moveBound(schema: Schema, from: string, to: string): void {
  schema[to] = schema[from];
  delete schema[from];
}

function mapped(properties: Schema, make: (schema: Schema) => Schema): Schema {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, make(schema as Schema)]));
}
