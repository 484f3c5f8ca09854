// What the document is made from, and what is at hand while it is made.

import type { FunctionDeclaration, HttpTrigger } from '../platform/http/function.ts';
import type { Components } from './openapi.ts';
import type { Sampler } from './sample.ts';
import type { SchemaBook } from './schema.ts';

export interface DescribedFunction {
  /** The folder it lives in. */
  domain: string;
  declaration: FunctionDeclaration;
}

/** What operations are described with. */
export interface Desk {
  publicUrl: string;
  book: SchemaBook;
  sample: Sampler;
  components: Components;
}

// biome-ignore lint/suspicious/noExplicitAny: declarations have triggers of every shape.
export type AnyTrigger = HttpTrigger<any, any, any, any, any>;
