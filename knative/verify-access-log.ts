// `make verify-access-log`: reads the access log of regulators from its first row, in one snapshot, and finds every row
// that was changed, taken out, put in later or cut off. Exits with 1 when it finds one.
//   DATABASE_URL=<address of the reader role> make verify-access-log      without it: the platform that runs here
//   HEADS=file: heads that were handed out, one JWS per line; their signatures are checked with KEYS=<JWK set file>

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { compactVerify, createLocalJWKSet } from 'jose';
import { type ChainProof, type Head, proveAccessLog, UNKNOWN_CALLERS } from '../shared/regulators/access-chain.ts';
import { proveInSnapshot } from './local/snapshot.ts';
import { textTable } from './local/table.ts';

const MOST_SHOWN = 50;
const say = (text = '') => process.stdout.write(`${text}\n`);

await proveInSnapshot('The access log', async (query) => {
  const kept = await keptHeads();
  const proof = await proveAccessLog(query, kept);
  report(proof, kept.length);
  return proof.findings.length > 0 ? 1 : 0;
});

function report({ chains, rows, requests, waiting, findings }: ChainProof, kept: number): void {
  say(`${rows} rows in ${chains} chains, which stand for ${requests} requests; ${waiting} wait to be chained.`);
  if (kept > 0) say(`${kept} heads that were handed out were compared.`);
  if (findings.length === 0) {
    say('Nothing was changed, taken out, put in or cut off.');
    return;
  }
  say(`${findings.length} findings:`);
  const whose = (chain: string) => (chain === UNKNOWN_CALLERS ? 'no known key' : chain);
  say(
    textTable([
      ['service', 'number', 'row', 'what'],
      ...findings
        .slice(0, MOST_SHOWN)
        .map(({ chain, number, logId, what }) => [whose(chain), number ?? '', logId ?? '', what]),
    ]),
  );
}

/** Throws for a head that our key did not sign. */
async function keptHeads(): Promise<Head[]> {
  const { HEADS: heads, KEYS: keys } = process.env;
  if (!heads) return [];
  if (!keys)
    throw new Error('KEYS is not set: it must name a file with the JWK set of /.well-known/receipt-keys.json.');
  const keySet = createLocalJWKSet(JSON.parse(await readFile(keys, 'utf8')));
  const lines = (await readFile(heads, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return Promise.all(
    lines.map(async (line) => {
      const { payload } = await compactVerify(line.trim(), keySet);
      const { sub, number, hash } = JSON.parse(new TextDecoder().decode(payload));
      return { chain: sub, number: String(number), hash };
    }),
  );
}
