// Examples for the API document, made from the examples of the schemas. The page uses the same sampler, so both show
// the same.

import type { JsonSchema } from '@valibot/to-json-schema';
import { sample } from 'openapi-sampler';
import type { SchemaBook } from './schema.ts';

export interface Sampler {
  (schema: object): unknown;
  /** A first request: the required fields, and the optional ones that have an example of their own. */
  request(schema: JsonSchema): unknown;
}

export function sampler(book: SchemaBook): Sampler {
  const make = (schema: object) =>
    sample(schema as Parameters<typeof sample>[0], { quiet: true }, { components: { schemas: book.components() } });
  return Object.assign(make, {
    request: (schema: JsonSchema) => {
      if (schema.examples || !schema.properties) return make(schema);
      const shown = Object.entries(schema.properties).filter(
        ([name, property]) => schema.required?.includes(name) || hasExample(property, book),
      );
      return make({ ...schema, properties: Object.fromEntries(shown) });
    },
  });
}

function hasExample(schema: JsonSchema | boolean, book: SchemaBook): boolean {
  if (typeof schema === 'boolean') return false;
  const component = schema.$ref && book.components()[schema.$ref.slice('#/components/schemas/'.length)];
  return schema.examples !== undefined || (component ? hasExample(component, book) : false);
}
