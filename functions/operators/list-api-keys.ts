// GET /v1/operator/api-keys: the API keys of regulators, without their secrets.

import * as v from 'valibot';
import { query } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { apiKeySchema, listApiKeys } from '../../shared/regulators/service.ts';
import { operator } from '../../shared/sessions/operator.ts';

export default defineFunction({
  name: 'list-api-keys',
  summary: 'The API keys of regulators',
  description:
    'Newest first, including keys that no longer work. `kong/render.ts --api-keys` takes this answer. It contains no ' +
    'secret.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/operator/api-keys',
    limit: { perMinute: 120, by: 'user' },
    caller: operator,
    query: v.strictObject({
      consumer: v.optional(v.pipe(v.string(), maxCharacters(50), v.examples(['ojk']))),
    }),
    answer: v.array(apiKeySchema),
    status: 200,
    errors: ['operator_only'],
    handle: async ({ query: { consumer } }) => ({ data: await listApiKeys(query, consumer) }),
  },
});
