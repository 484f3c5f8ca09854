// The access log: a row is written for every request of a regulator, refused ones included, before the answer leaves.
// If the row cannot be written, there is no answer.

import { query } from '../platform/database/database.ts';
import type { Access } from '../platform/http/function.ts';
import { peerOf } from '../sessions/address.ts';
import type { Regulator } from './caller.ts';
import { writtenHeader } from './purpose.ts';

const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']);
const GATEWAY_ID = /^[0-9a-f]{32}$/;

/** One row of api_access_logs. */
export interface AccessRow {
  gatewayRequestId: string | null;
  serviceId: string | null;
  keyId: string | null;
  method: string;
  /** Path and query, as they came. */
  url: string;
  address: string | null;
  userAgent: string | null;
  status: number;
  problem: string | null;
  purpose: string | null;
  caseNumber: string | null;
  requests: number;
}

/** The `beforeAnswer` of every function that regulators call. */
export async function recordAccess(access: Access<Regulator>): Promise<void> {
  const { headers, method, url, status, problem, caller } = access;
  const gatewayId = writtenHeader(headers, 'x-kong-request-id', 64);
  await insertAccesses([
    {
      gatewayRequestId: gatewayId && GATEWAY_ID.test(gatewayId) ? gatewayId : null,
      serviceId: caller?.serviceId ?? null,
      keyId: caller?.keyId ?? null,
      method,
      url,
      address: peerOf(headers) ?? null,
      userAgent: writtenHeader(headers, 'user-agent', 500),
      status,
      problem: problem ?? null,
      purpose: writtenHeader(headers, 'x-purpose-code', 50),
      caseNumber: writtenHeader(headers, 'x-case-number', 50),
      requests: 1,
    },
  ]);
}

/** Writes the rows. A request that the gateway or the function has already reported is not written twice. */
export async function insertAccesses(rows: readonly AccessRow[]): Promise<void> {
  await query({
    name: 'insert-accesses',
    text: `
      insert into api_access_logs (gateway_request_id, external_service_id, api_key_id, http_method, endpoint, query, ip_address, user_agent,
             response_status, problem_code, purpose_code, case_number, requests)
      select new.gateway_request_id, new.external_service_id, new.api_key_id, new.http_method, new.endpoint, new.query, new.ip_address,
             new.user_agent, new.response_status, new.problem_code, new.purpose_code, new.case_number, new.requests
        from json_to_recordset($1) as new (gateway_request_id text, external_service_id uuid, api_key_id uuid, http_method http_method_enum,
             endpoint text, query text, ip_address text, user_agent text, response_status int, problem_code text, purpose_code text,
             case_number text, requests int)
      on conflict (gateway_request_id) do nothing`,
    values: [JSON.stringify(rows.map(columnsOf))],
  });
}

function columnsOf(row: AccessRow) {
  const [path = '', ...search] = row.url.split('?');
  return {
    gateway_request_id: row.gatewayRequestId,
    external_service_id: row.serviceId,
    api_key_id: row.keyId,
    http_method: METHODS.has(row.method) ? row.method : 'OTHER',
    endpoint: usable(path.slice(0, 255)),
    query: search.length === 0 ? null : usable(search.join('?').slice(0, 2000)),
    ip_address: row.address,
    user_agent: row.userAgent === null ? null : usable(row.userAgent),
    response_status: row.status,
    problem_code: row.problem,
    purpose_code: row.purpose === null ? null : usable(row.purpose),
    case_number: row.caseNumber === null ? null : usable(row.caseNumber),
    requests: row.requests,
  };
}

/**
 * Leaves only characters that PostgreSQL stores and JSON writes in one way. Removes keys that were sent in the wrong
 * place.
 */
function usable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\0', '\u{FFFD}')
    .replace(/ogk_live_\w+/g, 'ogk_live_…');
}
