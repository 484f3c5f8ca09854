// acl: lets a consumer through that belongs to one of the groups.

import * as v from 'valibot';
import type { Exit, Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  allow: v.pipe(v.array(v.string()), v.minLength(1, 'must name at least one group')),
  hide_groups_header: v.optional(v.boolean(), false),
});

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  const refuse = (status: number, message: string): Exit => ({
    status,
    body: JSON.stringify({ message }),
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });

  return {
    priority: 950,
    access({ consumer, headers }) {
      if (!consumer) return refuse(401, 'Unauthorized');
      if (!consumer.groups.some((group) => config.allow.includes(group))) {
        return refuse(403, 'You cannot consume this service');
      }
      if (config.hide_groups_header) delete headers['x-consumer-groups'];
      else headers['x-consumer-groups'] = consumer.groups.join(', ');
      return undefined;
    },
  };
}
