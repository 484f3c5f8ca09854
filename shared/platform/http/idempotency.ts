// A request that happens once, however often it is sent: its key, and the comparison with another request of the same
// key.
// The body is kept as it was sent, so that a release that reads bodies differently (fields in another order, a new
// field with a default, another spelling of a number) still recognises a repetition. Two bodies are the same request if
// their values are equal, or if today's schema makes the same of both: a missing field equals its default.

import { type GenericSchema, safeParse } from 'valibot';
import { differences } from './differences.ts';
import { parseText } from './json.ts';

export interface Idempotency {
  /** The key, as in the header. Empty unless the declaration requires one. */
  readonly key: string;
  /** The name of the called function. */
  readonly function: string;
  /** The body as it was sent: JSON with sorted names. Empty without a key. */
  readonly request: string;
  /**
   * Pointers to the differences from the first request with this key. `first` is its `request`, or the text that an
   * older version kept.
   */
  differences(first: string): string[];
}

/** `sent` is the parsed body, `checked` is the schema's output. */
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

/** The same text for the same values in any order of names. */
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
