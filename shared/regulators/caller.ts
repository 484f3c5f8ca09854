// Recognises a regulator by the API key, and checks the address, the quota, the purpose and the permission. The gateway
// has checked key, group and limits before; this is the second check.

import { type Measure, throttle } from '../platform/cache/throttle.ts';
import { query } from '../platform/database/database.ts';
import type { CallerKind, Headers } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import { peerOf } from '../sessions/address.ts';
import { hashOf, isApiKey } from './api-key.ts';
import { purposeOf } from './purpose.ts';

export const PERMISSIONS = ['READ_TRANSACTIONS', 'READ_REPORTS', 'READ_PERSONAL_DATA'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** The key of a request, and its owner. */
export interface Regulator {
  keyId: string;
  serviceId: string;
  permissions: readonly Permission[];
  /** True if the key is neither disabled nor expired. */
  isAlive: boolean;
  /** Whether the key may be used from the request's address. */
  isAllowedThere: boolean;
  limits: readonly Measure[];
}

interface KeyRow {
  id: string;
  external_service_id: string;
  permissions: Permission[];
  rate_limit_count: number;
  rate_limit_unit: keyof typeof SECONDS;
  rate_limit_hour: number | null;
  rate_limit_day: number | null;
  is_alive: boolean;
  is_allowed_there: boolean;
}

const SECONDS = { second: 1, minute: 60, hour: 3_600, day: 86_400 } as const;

/**
 * A regulator whose key has one of these permissions. Every call asks the database, so a disabled key is refused from
 * the next call on.
 */
export function regulatorWith(...oneOf: Permission[]): CallerKind<Regulator> {
  return {
    name: `regulator with ${oneOf.join(' or ')}`,
    scheme: 'api-key',
    groups: oneOf.map((permission) => permission.toLowerCase().replaceAll('_', '-')),
    identify: readKey,
    async admit({ isAlive, isAllowedThere, limits, permissions }, headers) {
      if (!isAlive) throw refusal('The key has been disabled or has expired.');
      if (!isAllowedThere) throw new Problem('address_not_allowed', { detail: ADDRESS_ADVICE });
      const quota = (await throttle(limits)).headers;
      if (purposeOf(headers) === undefined) throw new Problem('purpose_required', { headers: quota });
      if (!permissions.some((permission) => oneOf.includes(permission))) {
        throw new Problem('not_permitted', { detail: `This needs ${oneOf.join(' or ')}.`, headers: quota });
      }
      return quota;
    },
  };
}

const ADDRESS_ADVICE = 'Call from one of the networks that were agreed for this key.';

async function readKey(headers: Headers): Promise<Regulator> {
  const key = headers['x-api-key'];
  if (typeof key !== 'string') throw refusal();
  if (!isApiKey(key)) throw refusal('The key is mistyped: its check digits do not fit.');
  const [row] = await query<KeyRow>({
    name: 'api-key',
    text: `
      select key.id, key.external_service_id, key.permissions::text[] as permissions, key.rate_limit_count,
             key.rate_limit_unit, key.rate_limit_hour, key.rate_limit_day,
             key.is_active and service.is_active and coalesce(key.expires_at > now(), true) as is_alive,
             coalesce($2::inet <<= any(key.allowed_networks), false) as is_allowed_there
        from api_keys key join external_services service on service.id = key.external_service_id
       where key.key_hash = $1`,
    values: [hashOf(key), peerOf(headers) ?? null],
  });
  if (!row) throw refusal('The key is not one of ours.');
  return {
    keyId: row.id,
    serviceId: row.external_service_id,
    permissions: row.permissions,
    isAlive: row.is_alive,
    isAllowedThere: row.is_allowed_there,
    limits: measuresOf(row),
  };
}

function measuresOf(row: KeyRow): Measure[] {
  const windows: [keyof typeof SECONDS, number | null][] = [
    [row.rate_limit_unit, row.rate_limit_count],
    ['hour', row.rate_limit_hour],
    ['day', row.rate_limit_day],
  ];
  return windows.flatMap(([name, limit]) =>
    limit === null ? [] : [{ quota: { name, limit, windowSeconds: SECONDS[name] }, subject: `api-key:${row.id}` }],
  );
}

function refusal(detail?: string): Problem {
  return new Problem('api_key_required', {
    ...(detail !== undefined && { detail }),
    headers: { 'www-authenticate': 'Key realm="one-gate"' },
  });
}
