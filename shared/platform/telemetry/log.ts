// One JSON object per line on stdout, as OpenShift's log collector expects. It never holds a secret, a token, a body or
// personal data. A logging library would take a tenth of every cold start for a few lines, so this file writes them
// itself.

import { writeSync } from 'node:fs';
import { logLevel } from '../environment.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof LEVELS)[number];

/** Takes fields, a sentence, or both. `error` may be any thrown value. Undefined fields are left out. */
type Write = (said: object | string, message?: string) => void;

const lowest = LEVELS.indexOf(logLevel() as Level);
if (lowest < 0) throw new Error(`LOG_LEVEL must be one of ${LEVELS.join(', ')}.`);

export const log = { info: writer('info'), warn: writer('warn'), error: writer('error'), fatal: writer('fatal') };

function writer(level: Level): Write {
  if (LEVELS.indexOf(level) < lowest) return () => undefined;
  return (said, message) => {
    const { error, ...fields }: { error?: unknown } = typeof said === 'string' ? {} : said;
    const line = {
      level,
      time: new Date().toISOString(),
      ...fields,
      ...(error !== undefined && { error: describeError(error) }),
      msg: typeof said === 'string' ? said : message,
    };
    write(Buffer.from(`${JSON.stringify(line, writable)}\n`));
  };
}

const STDOUT = 1;
const ROOM_MS = 10;
/** Gives up after about a second without a reader. */
const MOST_LOOKS = 100;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Writes synchronously, because the process may end after its last line. Ignores a reader that has gone. */
function write(line: Buffer): void {
  let [rest, looks] = [line, 0];
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      // The pipe is full, and does not block.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++looks > MOST_LOOKS) return;
      Atomics.wait(never, 0, 0, ROOM_MS);
    }
  }
}

/** JSON has no bigint. */
function writable(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Name, message, code and stack of an error. No other fields, because drivers attach queries with their values. */
function describeError(error: unknown) {
  if (!Error.isError(error)) return { message: String(error) };
  const code = 'code' in error ? String(error.code) : undefined;
  return { name: error.name, message: error.message, ...(code && { code }), stack: error.stack };
}
