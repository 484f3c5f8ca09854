// Checks a request's parts against the declaration's schemas and names every unusable field.

import { type GenericSchema, safeParse } from 'valibot';
import { type FieldError, Problem } from '../http/problem.ts';
import { isUsableText } from './body.ts';

/** What the schema makes of `value`; an `invalid_request` Problem with a pointer per issue otherwise. `place` is '' for the body. */
export function check(schema: GenericSchema, value: unknown, place: '' | 'query' | 'path'): unknown {
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  const errors = result.issues.slice(0, 20).map((issue): FieldError => {
    const path = (issue.path ?? []).map(({ key }) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'));
    return {
      pointer: place ? [place, ...path].join('/') : path.map((key) => `/${key}`).join(''),
      detail: describe(issue),
    };
  });
  throw new Problem('invalid_request', { errors });
}

// Valibot's messages repeat what was received, which may be a password or megabytes; ours say what is expected.
function describe(issue: { type: string; kind: string; expected: string | null; message: string }): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'is not a known field';
  if (issue.kind === 'schema' && issue.expected) return `must be ${issue.expected}`;
  return issue.message.startsWith('Invalid ') ? `must be ${issue.expected ?? 'of another form'}` : issue.message;
}

/** Query parameters as an object of strings; each may come once. */
export function parseQuery(search: string): Record<string, string> {
  // Without the names that objects have by themselves: `__proto__` is a parameter like any other that is not known.
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(search)) {
    if (name in values) refuse(`query/${name}`, 'may be given once');
    if (!isUsableText(value) || value.includes('\uFFFD'))
      refuse(`query/${name}`, 'must be well-formed UTF-8 without NUL');
    values[name] = value;
  }
  return values;
}

const PRINTABLE_ASCII = /^[\x20-\x7e]{1,255}$/;

/** The Idempotency-Key, which may come bare or, as the IETF draft has it, as a quoted structured-field string. */
export function parseIdempotencyKey(header: string | string[] | undefined, rawHeaders: string[]): string {
  if (header === undefined || header === '') throw new Problem('idempotency_key_missing');
  if (typeof header !== 'string') throw new Problem('idempotency_key_invalid');
  // Node joins repeated headers with ", ".
  if (header.includes(', ')) {
    const names = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'idempotency-key');
    if (names.length > 1) throw new Problem('idempotency_key_invalid');
  }
  const key = idempotencyKeyIn(header);
  if (key === undefined) throw new Problem('idempotency_key_invalid');
  return key;
}

/** The key that is written there, bare or quoted; undefined where it is not usable. */
export function idempotencyKeyIn(written: string): string | undefined {
  const key = /^".*"$/.test(written) ? written.slice(1, -1).replace(/\\(["\\])/g, '$1') : written;
  return PRINTABLE_ASCII.test(key) ? key : undefined;
}

function refuse(pointer: string, detail: string): never {
  throw new Problem('invalid_request', { errors: [{ pointer, detail }] });
}
