// request-termination: answers itself, without a function.

import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  status_code: v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(599)),
  message: v.string(),
});

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  return {
    priority: 2,
    access: () => ({ status: config.status_code, body: JSON.stringify({ message: config.message }) }),
  };
}
