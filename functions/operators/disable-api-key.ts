// POST /v1/operator/api-key/disable: refuses an API key from the next request on.

import * as v from 'valibot';
import { audit, reasonSchema } from '../../shared/audit-trail.ts';
import { transaction } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { apiKeySchema, findApiKey } from '../../shared/regulators/service.ts';
import { operator } from '../../shared/sessions/operator.ts';

export default defineFunction({
  name: 'disable-api-key',
  summary: 'Disable an API key',
  description:
    'Functions look up the key with every request, so the next request is refused. A request in progress still gets ' +
    'its answer. The gateway may know the key until its next configuration; functions refuse it all the same. A ' +
    'disabled key cannot be enabled: issue another one.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/operator/api-key/disable',
    limit: { perMinute: 60, by: 'user' },
    caller: operator,
    body: v.strictObject({
      key_id: v.pipe(
        v.string(),
        v.uuid('must be the id of a key'),
        v.examples(['0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071']),
      ),
      reason: reasonSchema,
    }),
    answer: v.object({ api_key: apiKeySchema }),
    status: 200,
    errors: ['operator_only', 'api_key_not_found'],

    handle: async ({ caller: { userId }, body: { key_id, reason } }) => {
      const key = await transaction(async (query) => {
        const disabled = await query({
          text: 'update api_keys set is_active = false, updated_at = now() where id = $1 and is_active returning id',
          values: [key_id],
        });
        const found = await findApiKey(query, key_id);
        if (!found) throw new Problem('api_key_not_found');
        if (disabled.length > 0) {
          await audit(query, {
            actor: userId,
            action: 'disable-api-key',
            subject: `api-key:${key_id}`,
            reason,
            detail: { consumer: found.consumer, hint: found.hint },
          });
        }
        return found;
      });
      return { data: { api_key: key } };
    },
  },
});
