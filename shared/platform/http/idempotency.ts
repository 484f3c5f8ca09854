// A request that happens once, however often it is sent: its key, and how it is told from another request with the same key.
//
// What is kept of it is the body as it was sent, so that a release which reads bodies otherwise (fields in another order, one more with a
// default, another spelling of the same number) turns no repetition into another request. Two bodies are the same request if their values
// are, or if the schema of today makes the same of both: a field that is left out is the same as its default.

import { type GenericSchema, safeParse } from 'valibot';
import { differences } from './differences.ts';
import { parseText } from './json.ts';

export interface Idempotency {
  /** As the header has it; empty unless the declaration asks for one. */
  readonly key: string;
  /** The function that was called, by its name. */
  readonly function: string;
  /** The body as it was sent: JSON, with its names sorted. Empty without a key. */
  readonly request: string;
  /** Pointers to what was otherwise in the first request with this key, given its `request`, or what a version before kept of it. */
  differences(first: string): string[];
}

/** `sent` is the parsed body, `checked` what the schema has made of it. */
export function idempotencyOf(
  name: string,
  key: string,
  schema: GenericSchema | undefined,
  sent: unknown,
  checked: unknown,
): Idempotency {
  return {
    key,
    function: name,
    request: key && sortedJson(sent),
    differences(first) {
      const earlier = parseText(first);
      const asSent = differences(earlier, sent);
      const read = schema && asSent.length > 0 ? safeParse(schema, earlier) : undefined;
      return read?.success ? differences(read.output, checked) : asSent;
    },
  };
}

/** The same text for the same values, whatever the order of their names. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = value as Record<string, unknown>;
  let text = '';
  for (const name of Object.keys(members).sort()) {
    text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:${sortedJson(members[name])}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
