// POST /v1/operator/api-key: issues a key to a regulator. Only this answer shows it. A key that it replaces works for a
// while longer.

import * as v from 'valibot';
import { audit, reasonSchema } from '../../shared/audit-trail.ts';
import { type Query, transaction } from '../../shared/platform/database/database.ts';
import { emailSchema } from '../../shared/platform/http/email.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { isNetwork, normaliseNetwork } from '../../shared/platform/http/network.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters, minCharacters } from '../../shared/platform/http/text.ts';
import { futureSchema } from '../../shared/platform/http/time.ts';
import { keptOf, newApiKey } from '../../shared/regulators/api-key.ts';
import { PERMISSIONS } from '../../shared/regulators/caller.ts';
import { type ApiKey, apiKeySchema, findApiKey, listApiKeys } from '../../shared/regulators/service.ts';
import { operator } from '../../shared/sessions/operator.ts';

const LIVING_KEYS = 2;
const OVERLAP_HOURS = 24;

const text = (most: number) => v.pipe(v.string(), v.trim(), minCharacters(1), maxCharacters(most));
const count = v.pipe(
  v.number(),
  v.integer('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
  v.maxValue(1_000_000_000, 'must be at most 1000000000'),
);

const Body = v.pipe(
  v.strictObject({
    consumer: v.pipe(
      v.string(),
      v.regex(/^[a-z][a-z0-9-]{1,49}$/, 'must be the name of a consumer in kong.yaml'),
      v.description("The service's consumer name in kong.yaml."),
    ),
    company: v.optional(v.pipe(text(255), v.description('Required for the first key of a service.'))),
    contact_email: v.optional(emailSchema),
    description: v.optional(text(1000)),
    key_name: text(255),
    permissions: v.optional(
      v.pipe(
        v.array(v.picklist(PERMISSIONS)),
        v.minLength(1, 'must name at least one'),
        v.maxLength(PERMISSIONS.length, 'must name each only once'),
      ),
    ),
    limits: v.optional(
      v.pipe(
        v.strictObject({ minute: count, hour: v.optional(count), day: v.optional(count) }),
        v.check(
          ({ minute, hour = minute, day = hour }) => minute <= hour && hour <= day,
          'must not allow less in a longer window than in a shorter one',
        ),
      ),
    ),
    allowed_networks: v.optional(
      v.pipe(
        v.array(
          v.pipe(
            v.string(),
            v.check(isNetwork, 'must be an IP address or a network such as 203.0.113.0/24'),
            v.transform((text) => normaliseNetwork(text) ?? text),
          ),
        ),
        v.minLength(1, 'must name at least one'),
        v.maxLength(50, 'must name at most 50'),
      ),
    ),
    expires_at: v.optional(futureSchema),
    replaces: v.optional(
      v.pipe(
        v.string(),
        v.uuid('must be the id of a key'),
        v.description('The key to replace. The new key takes the values that you leave out from it.'),
      ),
    ),
    overlap_hours: v.optional(
      v.pipe(
        v.number(),
        v.integer('must be a whole number'),
        v.minValue(0, 'must be 0 to 168'),
        v.maxValue(168, 'must be 0 to 168'),
        v.description('How many hours the replaced key still works. The default is 24.'),
      ),
    ),
    reason: reasonSchema,
  }),
  v.check(
    ({ replaces, permissions, limits, allowed_networks }) =>
      replaces !== undefined || (permissions && limits && allowed_networks) !== undefined,
    'must have permissions, limits and allowed_networks, unless it replaces a key',
  ),
  v.examples([
    {
      consumer: 'bank-indonesia',
      company: 'Bank Indonesia',
      contact_email: 'pengawasan@bi.example',
      key_name: '2026, second half',
      permissions: ['READ_TRANSACTIONS'],
      limits: { minute: 100, hour: 1000, day: 10_000 },
      allowed_networks: ['203.0.113.0/24'],
      reason: 'Agreed on 12 November: BI-2026/77',
    },
  ]),
);
type Wish = v.InferOutput<typeof Body>;

export default defineFunction({
  name: 'issue-api-key',
  summary: 'Issue an API key to a regulator, or replace one',
  description:
    'Only this answer shows the key: it cannot be shown again. For the first key of a service send `company` and ' +
    '`contact_email`. With `replaces` the older key works for another `overlap_hours`. Then configure the gateway ' +
    'with `GET /v1/operator/api-keys` (kong/README.md); before that it refuses the new key.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/operator/api-key',
    limit: { perMinute: 60, by: 'user' },
    caller: operator,
    body: Body,
    answer: v.object({
      key: v.pipe(
        v.string(),
        v.description('The key itself. Only this answer shows it.'),
        v.examples(['ogk_live_0123456789ABCDEFGHIJKLMNOPQRSTUV4dK9xZ']),
      ),
      api_key: apiKeySchema,
    }),
    status: 201,
    errors: ['operator_only', 'api_key_not_found', 'external_service_not_found', 'too_many_keys'],

    handle: async ({ caller: { userId }, body }) => {
      const key = newApiKey();
      const issued = await transaction(async (query) => {
        const serviceId = await serviceOf(query, body);
        const replaced = body.replaces === undefined ? undefined : await retire(query, body, body.replaces);
        const living = (await listApiKeys(query, body.consumer)).filter(({ active }) => active);
        if (living.length >= LIVING_KEYS) throw new Problem('too_many_keys');
        const id = await insert(query, serviceId, key, body, replaced);
        await audit(query, {
          actor: userId,
          action: 'issue-api-key',
          subject: `api-key:${id}`,
          reason: body.reason,
          detail: { consumer: body.consumer, key_name: body.key_name, replaces: body.replaces ?? null },
        });
        return (await findApiKey(query, id)) as ApiKey;
      });
      return { data: { key, api_key: issued }, headers: { 'cache-control': 'no-store' } };
    },
  },
});

/** Locks the service, so that two operators cannot both find room for one more key. */
async function serviceOf(query: Query, { consumer, company, contact_email, description }: Wish): Promise<string> {
  await query({ text: "select pg_advisory_xact_lock(hashtext('external-service:' || $1))", values: [consumer] });
  const [known] = await query<{ id: string }>({
    text: 'select id from external_services where consumer = $1',
    values: [consumer],
  });
  if (known) return known.id;
  if (company === undefined || contact_email === undefined) throw new Problem('external_service_not_found');
  const [made] = await query<{ id: string }>({
    text: 'insert into external_services (company, consumer, contact_email, description) values ($1, $2, $3, $4) on conflict (company) do nothing returning id',
    values: [company, consumer, contact_email, description ?? null],
  });
  if (!made) {
    const detail = 'belongs to another consumer';
    throw new Problem('invalid_request', { errors: [{ pointer: '/company', detail }] });
  }
  return made.id;
}

/** Returns the replaced key as it was, and sets its end. */
async function retire(query: Query, { consumer, overlap_hours = OVERLAP_HOURS }: Wish, id: string): Promise<ApiKey> {
  const replaced = await findApiKey(query, id);
  if (!replaced?.active || replaced.consumer !== consumer) throw new Problem('api_key_not_found');
  await query({
    text: `update api_keys set expires_at = least(expires_at, now() + make_interval(hours => $2)), updated_at = now() where id = $1`,
    values: [id, overlap_hours],
  });
  return replaced;
}

async function insert(
  query: Query,
  serviceId: string,
  key: string,
  wish: Wish,
  replaced: ApiKey | undefined,
): Promise<string> {
  const { hash, gatewayDigest, hint } = keptOf(key);
  const { minute, hour, day } = wish.limits ?? replaced?.limits ?? {};
  const [row] = await query<{ id: string }>({
    text: `
      insert into api_keys (external_service_id, key_name, key_hash, gateway_digest, hint, permissions, rate_limit_count, rate_limit_unit,
             rate_limit_hour, rate_limit_day, allowed_networks, expires_at)
      values ($1, $2, $3, $4, $5, $6::text[]::permissions_enum[], $7, 'minute', $8, $9, $10::text[]::inet[], $11) returning id`,
    values: [
      serviceId,
      wish.key_name,
      hash,
      gatewayDigest,
      hint,
      [...new Set(wish.permissions ?? replaced?.permissions)],
      minute,
      hour ?? null,
      day ?? null,
      wish.allowed_networks ?? replaced?.allowed_networks,
      wish.expires_at ?? null,
    ],
  });
  return row?.id ?? '';
}
