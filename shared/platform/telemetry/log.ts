// One JSON object a line on stdout, as OpenShift's log collector expects. Never a secret, a token, a body or a person's data.
// It is written here since a logging library takes a tenth of every cold start, for a line now and then.

import { writeSync } from 'node:fs';
import { logLevel } from '../environment.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof LEVELS)[number];

/** With fields, or a sentence, or both. Their `error` may be anything that was thrown; what is undefined is left out. */
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
/** A reader that takes nothing for a second is as good as gone. */
const MOST_LOOKS = 100;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Before it returns: a process may leave with its last line. Whoever reads may have gone; that is no reason to fail. */
function write(line: Buffer): void {
  let [rest, looks] = [line, 0];
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      // A full pipe that does not block.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++looks > MOST_LOOKS) return;
      Atomics.wait(never, 0, 0, ROOM_MS);
    }
  }
}

/** JSON has no bigint. */
function writable(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Name, message, code and stack of an error; no more, since drivers hang queries and commands with their values on errors. */
function describeError(error: unknown) {
  if (!Error.isError(error)) return { message: String(error) };
  const code = 'code' in error ? String(error.code) : undefined;
  return { name: error.name, message: error.message, ...(code && { code }), stack: error.stack };
}
