// cors: answers preflights itself and marks all other answers to browsers as readable for any origin.

import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  // With one origin for all there is nothing to match, and answers need no Vary.
  origins: v.strictTuple([v.literal('*', 'must be ["*"]: lists of origins are not played')]),
  methods: v.array(v.string()),
  headers: v.array(v.string()),
  exposed_headers: v.optional(v.array(v.string()), []),
  max_age: v.optional(v.number()),
});

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  return {
    priority: 2000,
    access({ method, headers }) {
      if (method !== 'OPTIONS' || !headers['origin'] || !headers['access-control-request-method']) return undefined;
      return {
        status: 200,
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-headers': config.headers.join(','),
          'access-control-allow-methods': config.methods.join(','),
          ...(config.max_age !== undefined && { 'access-control-max-age': String(config.max_age) }),
        },
      };
    },
    headerFilter({ headers }, answer) {
      if (!headers['origin'] || answer.headers['access-control-allow-methods']) return;
      answer.headers['access-control-allow-origin'] = '*';
      if (config.exposed_headers.length > 0) {
        answer.headers['access-control-expose-headers'] = config.exposed_headers.join(',');
      }
    },
  };
}
