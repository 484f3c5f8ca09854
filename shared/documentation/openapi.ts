// The parts of an OpenAPI 3.1 document that we use.

import type { JsonSchema } from '@valibot/to-json-schema';

export interface Reference {
  $ref: string;
}

export interface Header {
  description: string;
  schema: JsonSchema;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
}

export interface MediaType {
  schema: object;
  example?: unknown;
  examples?: Record<string, Reference>;
}

export interface Response {
  description: string;
  headers?: Record<string, Reference>;
  content?: Record<string, MediaType>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: (Parameter | Reference)[];
  requestBody?: { required: true; content: Record<string, MediaType> };
  responses: Record<string, Response | Reference>;
  /** Every code that this operation can be refused with. */
  'x-problem-codes': string[];
  /** An example request for a shell. */
  'x-codeSamples'?: { lang: string; label: string; source: string }[];
}

export interface Components {
  schemas: Record<string, object>;
  responses: Record<string, Response>;
  parameters: Record<string, Parameter>;
  examples: Record<string, { summary: string; value: unknown }>;
  headers: Record<string, Header>;
  securitySchemes: Record<string, object>;
}

export interface OpenApiDocument {
  openapi: '3.1.0';
  info: {
    title: string;
    version: string;
    summary: string;
    description: string;
    license: { name: string; identifier: string };
  };
  servers: { url: string; description: string }[];
  tags: { name: string; 'x-displayName': string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Components;
}
