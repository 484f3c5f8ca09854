// The valibot schemas of the declarations as JSON Schema 2020-12, the dialect of OpenAPI 3.1.
// A schema with a title of its own, `v.pipe(v.object({ ... }), v.title('Transaction'))`, becomes a component of that
// name. A schema without one is written out in place. `v.description` and `v.examples` may stand anywhere in a pipe. A
// rule that JSON Schema cannot express (`v.check`) is described by its message.

import { type JsonSchema, type OverrideActionContext, toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { giveExamples } from './example.ts';
import { type Node, SILENT, type Side, steps, titleOf } from './pipe.ts';

export interface SchemaBook {
  /** The schema, with references to components. Throws if the document would say less than the schema. */
  describe(schema: GenericSchema, side: Side): JsonSchema;
  /** All components so far, by title. */
  components(): Record<string, JsonSchema>;
}

interface Component {
  node: Node;
  sides: Partial<Record<Side, JsonSchema>>;
}

export function schemaBook(): SchemaBook {
  const found = new Map<string, Component>();

  function convert(node: Node, side: Side): JsonSchema {
    const { $schema, $defs, ...schema } = toJsonSchema(arrange(node, side) as unknown as GenericSchema, {
      target: 'draft-2020-12',
      overrideSchema: ({ valibotSchema, jsonSchema }) => tidy(valibotSchema as unknown as Node, jsonSchema),
      overrideAction: tellInWords,
    });
    return schema;
  }

  function reference(title: string, node: Node, side: Side): Node {
    const component = found.get(title) ?? { node, sides: {} };
    if (component.node !== node)
      throw new Error(`Two schemas are titled ${title}: share one, or give them two titles.`);
    found.set(title, component);
    if (!component.sides[side]) {
      component.sides[side] = {}; // A schema may refer to itself.
      component.sides[side] = convert(withoutTitle(node), side);
    }
    return { kind: 'schema', type: 'reference', title };
  }

  /** A copy in which titled parts are references and pipes hold the steps of this side. */
  function arrange(node: Node, side: Side): Node {
    const title = titleOf(node);
    if (title) return reference(title, node, side);
    if (node.getter) {
      const later = node.getter(undefined);
      if (!titleOf(later)) throw new Error('A schema that contains itself needs a title.');
      return arrange(later, side);
    }
    const copy: Node = { ...node };
    for (const part of ['item', 'wrapped', 'rest', 'key', 'value']) {
      if (isNode(node[part])) copy[part] = arrange(node[part], side);
    }
    for (const part of ['options', 'items']) {
      const inner = node[part];
      if (Array.isArray(inner)) copy[part] = inner.map((item) => (isNode(item) ? arrange(item, side) : item));
    }
    if (node.entries) copy.entries = mapValues(node.entries as Record<string, Node>, (entry) => arrange(entry, side));
    if (node.pipe)
      copy.pipe = steps(node.pipe, side).map((step) => (step.kind === 'schema' ? arrange(step, side) : step));
    return copy;
  }

  return {
    describe: (schema, side) => convert(schema as unknown as Node, side),
    components: () =>
      Object.fromEntries(
        [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([title, { sides }]) => [title, oneForm(title, sides)]),
      ),
  };
}

function oneForm(title: string, sides: Component['sides']): JsonSchema {
  const [form, ...others] = new Set(Object.values(sides).map((side) => JSON.stringify(side)));
  if (others.length > 0)
    throw new Error(`${title} is sent in another form than it is answered: give the two forms two titles.`);
  return { title, ...JSON.parse(form as string) };
}

function withoutTitle(node: Node): Node {
  return { ...node, pipe: (node.pipe ?? []).filter((step) => step.type !== 'title') };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function mapValues<Value>(values: Record<string, Value>, change: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

/** Writes references, and removes steps that say nothing. */
function tidy(node: Node, schema: JsonSchema): JsonSchema | undefined {
  if (node.type === 'reference') return { $ref: `#/components/schemas/${node.title}` };
  if (schema.required?.length === 0) delete schema.required;
  giveExamples(schema.properties);
  if (node.type === 'record' && JSON.stringify(schema.propertyNames) === '{"type":"string"}')
    delete schema.propertyNames;
  if (schema.type === 'integer' && typeof schema.default === 'string') schema.default = Number(schema.default);
  const nullable = node.type === 'nullable' || node.type === 'nullish' ? schema.anyOf?.[0] : undefined;
  if (typeof nullable === 'object' && typeof nullable.type === 'string') {
    const { anyOf, ...rest } = schema;
    return {
      ...nullable,
      ...rest,
      type: [nullable.type, 'null'],
      ...(nullable.enum && { enum: [...nullable.enum, null] }),
    };
  }
  // The library throws for an inconvertible schema only without an override.
  return undefined;
}

function tellInWords({ valibotAction, jsonSchema, errors }: OverrideActionContext): JsonSchema | undefined {
  if (!errors) return undefined;
  const action = valibotAction as unknown as Node;
  if (SILENT.has(action.type)) return jsonSchema;
  if (action.keywords) return { ...jsonSchema, ...action.keywords };
  const pattern = action.type === 'regex' && withPattern(jsonSchema, action.requirement as RegExp);
  if (pattern) return pattern;
  if (action.kind !== 'validation') return undefined;
  if (typeof action.message !== 'string') {
    throw new Error(`The rule ${action.type} has no JSON Schema: give it a message, which the document shows.`);
  }
  const rule = `${action.message.charAt(0).toUpperCase()}${action.message.slice(1).replace(/\.$/, '')}.`;
  return { ...jsonSchema, description: jsonSchema.description ? `${jsonSchema.description} ${rule}` : rule };
}

/** JSON Schema's patterns are Unicode patterns already. A second pattern is added beside the first. */
function withPattern(schema: JsonSchema, { source, flags }: RegExp): JsonSchema | undefined {
  if (flags !== '' && flags !== 'u') {
    delete schema.pattern; // Without its flags it would be another rule.
    return undefined;
  }
  if (schema.pattern === undefined || schema.pattern === source) return { ...schema, pattern: source };
  return { ...schema, allOf: [...(schema.allOf ?? []), { pattern: source }] };
}
