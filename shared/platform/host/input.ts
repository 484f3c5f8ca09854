// Checks a request's parts against the declaration's schemas and names every invalid field.

import { type GenericSchema, safeParse } from 'valibot';
import { type FieldError, Problem } from '../http/problem.ts';
import { isUsableText } from './body.ts';

/** The schema's output. Throws `invalid_request` with a pointer per issue. `place` is '' for the body. */
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

// Valibot's messages repeat the value, which may be a password or megabytes. Ours name the expected form.
function describe(issue: { type: string; kind: string; expected: string | null; message: string }): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'is not a known field';
  if (issue.kind === 'schema' && issue.expected) return `must be ${issue.expected}`;
  return issue.message.startsWith('Invalid ') ? `must be ${issue.expected ?? 'of another form'}` : issue.message;
}

/** Query parameters as an object of strings. Each may come once. */
export function parseQuery(search: string): Record<string, string> {
  // Without a prototype, so that `__proto__` is an unknown parameter like any other.
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(search)) {
    if (name in values) refuse(`query/${name}`, 'must be given only once');
    if (!isUsableText(value) || value.includes('\uFFFD'))
      refuse(`query/${name}`, 'must be well-formed UTF-8 without NUL');
    values[name] = value;
  }
  return values;
}

const PRINTABLE_ASCII = /^[\x20-\x7e]{1,255}$/;

/** The Idempotency-Key, either bare or as a quoted structured-field string (IETF draft). */
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

/** The key in the header, bare or quoted. Undefined if it is not usable. */
export function idempotencyKeyIn(written: string): string | undefined {
  const key = /^".*"$/.test(written) ? written.slice(1, -1).replace(/\\(["\\])/g, '$1') : written;
  return PRINTABLE_ASCII.test(key) ? key : undefined;
}

function refuse(pointer: string, detail: string): never {
  throw new Problem('invalid_request', { errors: [{ pointer, detail }] });
}
