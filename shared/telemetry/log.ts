// One JSON object a line on stdout, as OpenShift's log collector expects. Never a secret, a token, a body or a person's data.

import { types } from 'node:util';
import pino from 'pino';
import { logLevel } from '../environment.ts';

export const log = pino({
  level: logLevel(),
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (level) => ({ level }) },
  serializers: { error: describeError },
});

/** Name, message, code and stack of an error; no more, since drivers hang queries and commands with their values on errors. */
function describeError(error: unknown) {
  if (!types.isNativeError(error)) return { message: String(error) };
  const code = 'code' in error ? String(error.code) : undefined;
  return { name: error.name, message: error.message, ...(code && { code }), stack: error.stack };
}
