// The services of regulators and their API keys, as operators see them.

import * as v from 'valibot';
import type { Query } from '../platform/database/database.ts';
import { type Clauses, conditionsOf } from '../platform/database/filters.ts';
import { PERMISSIONS } from './caller.ts';

const time = v.pipe(v.string(), v.isoTimestamp(), v.examples(['2027-11-20T00:00:00.000Z']));

export const apiKeySchema = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.uuid()),
    consumer: v.pipe(v.string(), v.description("The service's consumer name at the gateway."), v.examples(['ojk'])),
    company: v.pipe(v.string(), v.examples(['Otoritas Jasa Keuangan'])),
    key_name: v.pipe(v.string(), v.examples(['2026, second half'])),
    hint: v.pipe(
      v.string(),
      v.description('The first and the last characters of the key.'),
      v.examples(['ogk_live_3fK9…Q2x0']),
    ),
    gateway_digest: v.pipe(
      v.string(),
      v.description('The digest for the configuration of the gateway (`kong/render.ts --api-keys`). It is not a key.'),
      v.examples(['2fd4e1c67a2d28fced849ee1bb76e7391b93eb12']),
    ),
    active: v.pipe(v.boolean(), v.description('True if the key is neither disabled nor expired.')),
    permissions: v.array(v.picklist(PERMISSIONS)),
    limits: v.pipe(
      v.object({
        second: v.optional(v.number()),
        minute: v.optional(v.number()),
        hour: v.optional(v.number()),
        day: v.optional(v.number()),
      }),
      v.description('The most requests in each window.'),
      v.examples([{ minute: 200, hour: 2000, day: 20_000 }]),
    ),
    allowed_networks: v.pipe(v.array(v.string()), v.examples([['203.0.113.0/24']])),
    expires_at: v.nullable(time),
    created_at: time,
  }),
  v.title('ApiKey'),
);

export type ApiKey = v.InferOutput<typeof apiKeySchema>;

interface Row {
  id: string;
  consumer: string;
  company: string;
  key_name: string;
  hint: string;
  gateway_digest: string;
  active: boolean;
  permissions: ApiKey['permissions'];
  rate_limit_count: number;
  rate_limit_unit: 'second' | 'minute' | 'hour' | 'day';
  rate_limit_hour: number | null;
  rate_limit_day: number | null;
  allowed_networks: string[];
  expires_at: Date | null;
  created_at: Date;
}

const SELECT = `
  select key.id, service.consumer, service.company, key.key_name, key.hint, key.gateway_digest, key.permissions::text[] as permissions,
         key.is_active and service.is_active and coalesce(key.expires_at > now(), true) as active, key.rate_limit_count,
         key.rate_limit_unit, key.rate_limit_hour, key.rate_limit_day, array(select abbrev(network) from unnest(key.allowed_networks) network) as allowed_networks, key.expires_at,
         key.created_at
    from api_keys key join external_services service on service.id = key.external_service_id`;

const CLAUSES: Clauses<{ consumer?: string | undefined }> = {
  consumer: (place) => `service.consumer = ${place}`,
};

/** All keys, newest first. `consumer` selects one service. */
export async function listApiKeys(query: Query, consumer?: string): Promise<ApiKey[]> {
  const values: unknown[] = [];
  const conditions = ['true', ...conditionsOf(CLAUSES, { consumer }, values)];
  const rows = await query<Row>({
    text: `${SELECT} where ${conditions.join(' and ')} order by key.created_at desc, key.id desc`,
    values,
  });
  return rows.map(apiKeyOf);
}

export async function findApiKey(query: Query, id: string): Promise<ApiKey | undefined> {
  const [row] = await query<Row>({ text: `${SELECT} where key.id = $1`, values: [id] });
  return row && apiKeyOf(row);
}

function apiKeyOf({ rate_limit_count: count, rate_limit_unit: unit, rate_limit_hour: hour, ...row }: Row): ApiKey {
  const { rate_limit_day: day, expires_at, created_at, ...rest } = row;
  return {
    ...rest,
    limits: { [unit]: count, ...(hour !== null && { hour }), ...(day !== null && { day }) },
    expires_at: expires_at?.toISOString() ?? null,
    created_at: created_at.toISOString(),
  };
}
