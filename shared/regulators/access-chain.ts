// The access log as hash chains, one per service: each row's hash covers the row and the hash before it. The database
// chains the rows (0019, chain_access_logs). This file checks a chain by the same rule, written a second time, and
// signs its head.

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type Query, query } from '../platform/database/database.ts';
import { publicUrl } from '../platform/environment.ts';
import { CompactSign } from '../platform/packages/jose.ts';
import { signingKey } from '../receipts/signing-keys.ts';

const TYPE = 'access-log-head+jwt';
/** The chain of accesses by unknown callers. */
export const UNKNOWN_CALLERS = '00000000-0000-0000-0000-000000000000';

/** The members that a row's hash covers, in this order. `created_at` is UTC with microseconds. */
export const hashedSchema = v.object({
  id: v.pipe(v.string(), v.uuid(), v.description('The entry’s id.')),
  gateway_request_id: v.pipe(v.nullable(v.string()), v.description('The gateway’s X-Kong-Request-Id.')),
  external_service_id: v.pipe(v.nullable(v.string()), v.description('Your id at One Gate. It names your chain.')),
  api_key_id: v.pipe(
    v.nullable(v.string()),
    v.description('The key that you used. Null if the gateway refused the request.'),
  ),
  endpoint: v.pipe(v.string(), v.description('The path.'), v.examples(['/v1/regulator/transactions'])),
  query: v.pipe(
    v.nullable(v.string()),
    v.description('The query, as it was sent.'),
    v.examples(['type=TOPUP&limit=100']),
  ),
  http_method: v.pipe(v.string(), v.description('OTHER if it is no method of HTTP.'), v.examples(['GET'])),
  ip_address: v.pipe(
    v.nullable(v.string()),
    v.description('The address that the request came from.'),
    v.examples(['203.0.113.7']),
  ),
  user_agent: v.pipe(v.nullable(v.string()), v.description('The header, as it was sent.')),
  response_status: v.pipe(v.number(), v.description('The status of the answer.'), v.examples([200])),
  problem_code: v.pipe(v.nullable(v.string()), v.description('The reason of a refusal.')),
  purpose_code: v.pipe(v.nullable(v.string()), v.description('X-Purpose-Code.'), v.examples(['SUPERVISION'])),
  case_number: v.pipe(v.nullable(v.string()), v.description('X-Case-Number.')),
  requests: v.pipe(v.number(), v.description('More than one only for a refused burst without a key.'), v.examples([1])),
  created_at: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.description('UTC, with microseconds.'),
    v.examples(['2026-11-21T04:05:06.789012Z']),
  ),
});
export type Hashed = v.InferOutput<typeof hashedSchema>;

/** SQL for the members of `log`, a row of api_access_logs. */
export const HASHED_COLUMNS = `
  log.id, log.gateway_request_id, log.external_service_id, log.api_key_id, log.endpoint, log.query, log.http_method, log.ip_address,
  log.user_agent, log.response_status, log.problem_code, log.purpose_code, log.case_number, log.requests,
  to_char(log.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at`;

/** The text to hash after the previous hash. */
export function hashedText(row: Hashed): string {
  const names = Object.keys(hashedSchema.entries) as (keyof Hashed)[];
  return `[${names.map((name) => JSON.stringify(row[name])).join(', ')}]`;
}

export function nextHash(before: Buffer, row: Hashed): Buffer {
  return createHash('sha256').update(before).update(hashedText(row)).digest();
}

const AT_ONCE = 500;

/** Chains complete rows, in bounded pieces, for `limitMs`. Returns the number of rows. */
export async function chainAccesses(limitMs: number): Promise<number> {
  const end = performance.now() + limitMs;
  let chained = 0;
  for (;;) {
    const [row] = await query<{ chained: number }>({
      text: 'select chain_access_logs($1) as chained',
      values: [AT_ONCE],
    });
    chained += row?.chained ?? 0;
    if ((row?.chained ?? 0) < AT_ONCE || performance.now() > end) return chained;
  }
}

export interface Head {
  chain: string;
  number: string;
  hash: string;
}

/** Signs the head of each chain that has grown since it was last signed. */
export async function signHeads(): Promise<number> {
  const heads = await query<Head>({
    text: `
      select last.chain, last.number, encode(last.hash, 'hex') as hash
        from (select id as chain from external_services union all select $1::uuid) chains
        cross join lateral (
          select * from api_access_chain link where link.chain = chains.chain order by link.number desc limit 1) last
       where not exists (select from api_access_heads signed where signed.chain = last.chain and signed.number >= last.number)`,
    values: [UNKNOWN_CALLERS],
  });
  for (const head of heads) {
    await query({
      text: "insert into api_access_heads (chain, number, hash, jws) values ($1, $2, decode($3, 'hex'), $4) on conflict do nothing",
      values: [head.chain, head.number, head.hash, await signed(head)],
    });
  }
  return heads.length;
}

async function signed({ chain, number, hash }: Head): Promise<string> {
  const { kid, key } = await signingKey();
  const statement = { iss: publicUrl(), sub: chain, number: Number(number), hash, iat: Math.floor(Date.now() / 1000) };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(statement)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid })
    .sign(key);
}

export interface ChainFinding {
  chain: string;
  number: string | null;
  logId: string | null;
  what: string;
}

export interface ChainProof {
  chains: number;
  rows: number;
  /** The number of requests that the rows stand for. */
  requests: number;
  /** Rows that are not chained yet and so not proven. */
  waiting: number;
  findings: ChainFinding[];
}

interface ChainRow extends Hashed {
  chain: string;
  number: string;
  hash: string;
  there: boolean;
  belongs: boolean;
}

/**
 * Reads the log from its first row, in one snapshot (`ask` belongs to a transaction), and finds every row that was
 * changed, removed, inserted later or cut off. `kept`: signed heads that the regulator has kept.
 */
export async function proveAccessLog(ask: Query, kept: readonly Head[] = []): Promise<ChainProof> {
  const findings: ChainFinding[] = [];
  const ends = new Map<string, { number: bigint; hash: Buffer; createdAt: string }>();
  const heads = await headsOf(ask, kept);
  let rows = 0;
  let requests = 0;
  for (let after: [string, string] = [UNKNOWN_CALLERS, '0']; ; ) {
    const page = await readChain(ask, after);
    for (const row of page) {
      rows++;
      requests += row.requests ?? 0;
      findings.push(...compare(row, ends, heads));
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) break;
    after = [last.chain, last.number];
  }
  for (const [key, hash] of heads) {
    const [chain = '', number = ''] = key.split(':');
    findings.push({
      chain,
      number,
      logId: null,
      what: `the signed head is missing (${hash})`,
    });
  }
  const { waiting, late } = await readUnchained(ask);
  for (const id of late) {
    findings.push({
      chain: '',
      number: null,
      logId: id,
      what: 'the row was inserted before a row that was already chained',
    });
  }
  return { chains: ends.size, rows, requests, waiting, findings };
}

function compare(
  row: ChainRow,
  ends: Map<string, { number: bigint; hash: Buffer; createdAt: string }>,
  heads: Map<string, string>,
): ChainFinding[] {
  const before = ends.get(row.chain) ?? { number: 0n, hash: Buffer.alloc(0), createdAt: '' };
  const number = BigInt(row.number);
  const said = Buffer.from(row.hash, 'hex');
  const found = (what: string) => ({ chain: row.chain, number: row.number, logId: row.id, what });
  const findings: ChainFinding[] = [];
  if (number !== before.number + 1n) findings.push(found(`the chain has a gap after ${before.number}`));
  if (!row.there) findings.push(found('the row has been removed'));
  else if (!row.belongs) findings.push(found('the row is in the chain of another service'));
  else if (!nextHash(before.hash, row).equals(said)) findings.push(found('the row does not match its hash'));
  const signedHash = heads.get(`${row.chain}:${row.number}`);
  if (signedHash !== undefined && signedHash !== row.hash) findings.push(found('the hash differs from the signed one'));
  heads.delete(`${row.chain}:${row.number}`);
  // Each link is checked against the stored hash before it, so that one altered row is one finding.
  ends.set(row.chain, { number, hash: said, createdAt: row.created_at });
  return findings;
}

const PAGE = 1_000;

function readChain(ask: Query, [chain, number]: [string, string]): Promise<ChainRow[]> {
  return ask<ChainRow>({
    text: `
      select link.chain, link.number, encode(link.hash, 'hex') as hash, log.id is not null as there,
             link.chain = coalesce(log.external_service_id, '${UNKNOWN_CALLERS}') as belongs, ${HASHED_COLUMNS}
        from api_access_chain link left join api_access_logs log on log.id = link.log_id
       where (link.chain, link.number) > ($1, $2) order by link.chain, link.number limit ${PAGE}`,
    values: [chain, number],
  });
}

async function headsOf(ask: Query, kept: readonly Head[]): Promise<Map<string, string>> {
  const signedHeads = await ask<Head>({
    text: "select chain, number, encode(hash, 'hex') as hash from api_access_heads",
  });
  return new Map([...signedHeads, ...kept].map(({ chain, number, hash }) => [`${chain}:${number}`, hash]));
}

/**
 * Rows that wait for the next run, and rows that no run will take because they claim a position that was already
 * chained.
 */
async function readUnchained(ask: Query): Promise<{ waiting: number; late: string[] }> {
  const rows = await ask<{ id: string; late: boolean }>({
    text: `
      select log.id, log.position < done.below as late from api_access_logs log, api_access_chained done
       where not exists (select from api_access_chain link where link.log_id = log.id)`,
  });
  return {
    waiting: rows.filter(({ late }) => !late).length,
    late: rows.filter(({ late }) => late).map(({ id }) => id),
  };
}
