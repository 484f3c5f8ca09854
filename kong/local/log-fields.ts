// The Lua of http-log's custom_fields_by_lua, again in TypeScript, found by the name in its first line. test/kong runs
// the Lua beside this and compares.

import type { Exchange, HeaderValues } from './plugin.ts';

/** Undefined removes the field from the entry. */
export type LogField = (exchange: Exchange) => unknown;

export const fields: Readonly<Record<string, LogField>> = {
  'log-the-address': ({ request }) =>
    plain((request.url ?? '').replace(/ogk_live_[A-Za-z0-9_-]+/g, 'ogk_live_...').slice(0, 1500)),
  'log-the-method': ({ method }) => method.slice(0, 10),
  'log-the-user-agent': ({ headers }) => plain(first(headers, 'user-agent')?.slice(0, 200)),
  'log-the-purpose-code': ({ headers }) => plain(first(headers, 'x-purpose-code')?.slice(0, 50)),
  'log-whether-a-key-was-given': ({ headers }) => headers['x-api-key'] !== undefined,
  'log-the-consumer': ({ consumer }) => consumer && { username: consumer.username },
};

/** The Lua that removes a field needs no name. */
export const DROP = 'return nil';

/** Printable ASCII that JSON does not escape. */
function plain(text: string | undefined): string | undefined {
  return text?.replace(/[^ -~]|["\\]/g, '?');
}

function first(headers: HeaderValues, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
