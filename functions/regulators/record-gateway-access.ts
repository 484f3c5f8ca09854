// For every event of the gateway's log: writes down the requests of regulators that the gateway refused, since no
// function has seen them.

import * as v from 'valibot';
import { query } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { type AccessRow, insertAccesses } from '../../shared/regulators/access-log.ts';

const text = (most: number) =>
  v.nullish(
    v.pipe(
      v.string(),
      v.transform((value) => value.slice(0, most)),
    ),
  );

/** The fields that we read of an entry of Kong's http-log; kong.yaml defines the entry. */
const Entry = v.object({
  client_ip: text(100),
  request: v.object({
    id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    method: v.string(),
    uri: v.string(),
  }),
  response: v.object({ status: v.pipe(v.number(), v.integer()) }),
  consumer: v.nullish(v.object({ username: v.nullish(v.string()) })),
  user_agent: text(500),
  purpose_code: text(50),
  key_given: v.nullish(v.boolean()),
});
type Entry = v.InferOutput<typeof Entry>;

const PROBLEMS: Readonly<Record<number, string>> = {
  401: 'api_key_required',
  403: 'not_permitted',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  502: 'bad_gateway',
  503: 'service_unavailable',
  504: 'gateway_timeout',
};

export default defineFunction({
  name: 'record-gateway-access',
  summary: 'Record the requests of regulators that the gateway refused',
  description:
    'Kong’s http-log has every request to the regulators’ addresses. Requests that a function has answered are in ' +
    'the access log already, under the same gateway id. This function adds the others.',
  uses: { database: 'regulator' },
  event: {
    types: ['one-gate.gateway.access-seen'],
    // The function writes down what the event says: a forged one would be a row of the access log.
    sender: 'gateway',
    // One entry or a batch. Kong sends a refused batch again and again and holds back the rest, so an unusable entry is
    // dropped.
    data: v.unknown(),
    handle: async ({ data }) => {
      const entries = [data].flat().flatMap((each) => {
        const read = v.safeParse(Entry, each);
        if (!read.success) log.error({ issues: read.issues.length }, 'an entry of the gateway’s log cannot be read');
        return read.success ? [read.output] : [];
      });
      const services = await servicesOf(entries);
      await insertAccesses(gathered(entries).map(({ entry, requests }) => rowOf(entry, requests, services)));
    },
  },
});

/**
 * Repeated refusals without a key from one address in one batch become one row, so that a stranger cannot fill the log.
 * The same batch, sent again, gives the same rows.
 */
function gathered(entries: readonly Entry[]): { entry: Entry; requests: number }[] {
  const rows = new Map<string, { entry: Entry; requests: number }>();
  for (const entry of entries) {
    const { request, response, client_ip } = entry;
    const isNobodys = !entry.consumer?.username && response.status === 401;
    const key = isNobodys ? `${client_ip} ${request.method} ${request.uri.split('?', 1)[0]}` : request.id;
    const row = rows.get(key);
    if (row) row.requests++;
    else rows.set(key, { entry, requests: 1 });
  }
  return [...rows.values()];
}

async function servicesOf(entries: readonly Entry[]): Promise<Map<string, string>> {
  const consumers = [...new Set(entries.flatMap(({ consumer }) => consumer?.username ?? []))];
  if (consumers.length === 0) return new Map();
  const rows = await query<{ consumer: string; id: string }>({
    text: 'select consumer, id from external_services where consumer = any($1)',
    values: [consumers],
  });
  return new Map(rows.map(({ consumer, id }) => [consumer, id]));
}

function rowOf(entry: Entry, requests: number, services: ReadonlyMap<string, string>): AccessRow {
  const { request, response } = entry;
  return {
    gatewayRequestId: request.id,
    serviceId: services.get(entry.consumer?.username ?? '') ?? null,
    keyId: null,
    method: request.method,
    url: request.uri,
    address: entry.client_ip ?? null,
    userAgent: entry.user_agent ?? null,
    status: response.status,
    problem: response.status < 400 ? null : (PROBLEMS[response.status] ?? 'internal_error'),
    purpose: entry.purpose_code ?? null,
    caseNumber: null,
    requests,
  };
}
