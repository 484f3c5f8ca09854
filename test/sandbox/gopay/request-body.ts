// The body of a request, field by field. A missing or malformed field is refused in SNAP's words.

import { invalidField, Refusal } from './refusal.ts';

export interface Body {
  /** A mandatory text at a path such as `urlParam.url`. */
  text(path: string, longest?: number): string;
  /** The same, or an empty text. */
  optional(path: string): string;
}

export function parseBody(service: string, rawBody: string): Body {
  let root: unknown;
  try {
    root = JSON.parse(rawBody);
  } catch {
    throw new Refusal(service, 400, '00', 'Bad Request');
  }
  const at = (path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), root);
  const shown = (path: string) => path.replace(/\.\d+/g, '');
  return {
    text(path, longest = 100) {
      const value = at(path);
      if (value === undefined || value === null || value === '') {
        throw new Refusal(service, 400, '02', `Invalid Mandatory Field ${shown(path)}`);
      }
      if (typeof value !== 'string' || value.length > longest) throw invalidField(service, shown(path));
      return value;
    },
    optional(path) {
      const value = at(path);
      return typeof value === 'string' ? value : '';
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
