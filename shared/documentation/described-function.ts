// The inputs of the document, and the tools for describing operations.

import type { FunctionDeclaration, HttpTrigger } from '../platform/http/function.ts';
import type { Components } from './openapi.ts';
import type { Sampler } from './sample.ts';
import type { SchemaBook } from './schema.ts';

export interface DescribedFunction {
  /** The function's folder. */
  domain: string;
  declaration: FunctionDeclaration;
}

/** The tools for describing operations. */
export interface Desk {
  publicUrl: string;
  book: SchemaBook;
  sample: Sampler;
  components: Components;
}

// biome-ignore lint/suspicious/noExplicitAny: declarations have triggers of every shape.
export type AnyTrigger = HttpTrigger<any, any, any, any, any>;
