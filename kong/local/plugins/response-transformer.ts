// response-transformer: adds headers to answers that do not have them yet.

import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

const header = v.pipe(v.string(), v.regex(/^[\w-]+:.+$/, 'must be "Name:value"'));

export const schema = v.strictObject({ add: v.strictObject({ headers: v.array(header) }) });

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  const added = config.add.headers.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1)] as const;
  });
  return {
    priority: 800,
    headerFilter(_exchange, answer) {
      for (const [name, value] of added) answer.headers[name] ??= value;
    },
  };
}
