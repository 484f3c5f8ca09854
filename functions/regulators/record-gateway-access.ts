// For every event of the gateway's log: writes down what it has refused on regulators' addresses, which no function has seen.

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

/** What we read of an entry of Kong's http-log; kong.yaml says what it holds. */
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
  summary: 'Write down what the gateway has refused to regulators',
  description:
    'Kong’s http-log tells of every request on the regulators’ addresses. Those that a function has answered are in the access log already, ' +
    'by the same gateway id, and are left as they are; the others are added.',
  uses: { database: 'regulator' },
  event: {
    types: ['one-gate.gateway.access-seen'],
    // What it says is written down as it is: a forged event would be a row of the access log.
    sender: 'gateway',
    // One entry, or a batch of them. Kong sends what is refused again and again, and nothing behind it: what cannot be used is let go.
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
 * A burst of the same refusal without a key, from one address, is one row: nobody can fill the log. The same batch, sent again, is the
 * same rows.
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
