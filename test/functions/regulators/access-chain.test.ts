// The access log as a chain: its completeness can be proven, and every row that was changed, taken out or put in is
// found.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compactVerify, importJWK, type JWK } from 'jose';
import type { Query } from '../../../shared/platform/database/database.ts';
import { nextHash, proveAccessLog, UNKNOWN_CALLERS } from '../../../shared/regulators/access-chain.ts';
import { type IssuedKey, type RegulatorService, serveRegulators } from './regulator-service.ts';

let service: RegulatorService;
let ojk: IssuedKey;
let indonesia: IssuedKey;
const LIST = '/v1/regulator/transactions?limit=1';

beforeAll(async () => {
  service = await serveRegulators();
  ojk = await service.issueKey();
  indonesia = await service.issueKey({ consumer: 'bank-indonesia', permissions: ['READ_TRANSACTIONS'] });
});
afterAll(() => service.close());

const ask: Query = async ({ text, values }) => (await service.admin.query(text, values)).rows as never;

test('requests of all services at once are chained completely, one chain per service, by several writers', async () => {
  const writing = Array.from({ length: 60 }, (_, turn) =>
    service.ask(LIST, turn % 3 === 0 ? indonesia : turn % 3 === 1 ? ojk : { headers: { 'user-agent': 'é"\\\tÿ' } }),
  );
  const chaining = [1, 2, 3].map(() => service.deliver('chain-access-log'));
  await Promise.all(writing);
  expect(await Promise.all(chaining)).toEqual([204, 204, 204]);
  await service.chainAll();
  const proof = await proveAccessLog(ask);
  expect(proof).toEqual({ chains: 3, rows: 60, requests: 60, waiting: 0, findings: [] });
});

test('a regulator can check all of its own log, and its signed head, without us', async () => {
  for (let turn = 0; turn < 5; turn++) await service.ask(LIST, indonesia);
  await service.chainAll();
  const entries = [];
  let head: string | null = null;
  for (let cursor = ''; cursor !== null; ) {
    const answer = await service.ask(`/v1/regulator/access-log?limit=7${cursor && `&cursor=${cursor}`}`, indonesia);
    head ??= answer.headers.get('x-access-log-head');
    entries.push(...answer.body.data);
    cursor = answer.body.next_cursor;
  }
  const chained = entries.filter(({ number }) => number !== null).sort((one, other) => one.number - other.number);
  expect(chained.map(({ number }) => Number(number))).toEqual(chained.map((_, place) => place + 1));
  let hash: Buffer = Buffer.alloc(0);
  for (const entry of chained) {
    hash = nextHash(hash, entry);
    expect(hash.toString('hex')).toBe(entry.hash);
  }
  const { keys } = JSON.parse(process.env['RECEIPT_PUBLIC_KEYS'] ?? '') as { keys: JWK[] };
  const { payload, protectedHeader } = await compactVerify(head ?? '', await importJWK(keys[0] as JWK, 'EdDSA'));
  expect(protectedHeader.typ).toBe('access-log-head+jwt');
  expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({
    sub: indonesia.serviceId,
    number: chained.length,
    hash: hash.toString('hex'),
  });
});

describe('is found:', () => {
  /** Past every trigger, as the owner of the machine could; undone afterwards. */
  async function tampered(statements: string[], values: unknown[] = []) {
    await service.admin.query('begin');
    try {
      await service.admin.query('set local session_replication_role = replica');
      for (const statement of statements) await service.admin.query(statement, statement.includes('$1') ? values : []);
      return (await proveAccessLog(ask)).findings;
    } finally {
      await service.admin.query('rollback');
    }
  }
  const third = `(select log_id from api_access_chain where chain = '${UNKNOWN_CALLERS}' and number = 3)`;

  test.each([
    [
      'a row that was changed',
      [`update api_access_logs set endpoint = '/v1/regulator/report' where id = ${third}`],
      1,
      'does not match its hash',
    ],
    [
      'a row whose time was changed',
      [`update api_access_logs set created_at = created_at + interval '1 microsecond' where id = ${third}`],
      1,
      'does not match its hash',
    ],
    ['a row that was taken out', [`delete from api_access_logs where id = ${third}`], 1, 'removed'],
    [
      'a row that was taken out with its link',
      [
        `delete from api_access_logs where id = ${third}`,
        `delete from api_access_chain where chain = '${UNKNOWN_CALLERS}' and number = 3`,
      ],
      2,
      'gap',
    ],
    [
      'a row that was put in later',
      [`insert into api_access_logs (endpoint, http_method, response_status, position) values ('/', 'GET', 200, '1')`],
      1,
      'inserted before',
    ],
    [
      'an end that was cut off',
      [`delete from api_access_chain where chain = '${UNKNOWN_CALLERS}' and number > 5`],
      1,
      'signed head is missing',
    ],
    [
      'a chain that was written anew',
      [
        `update api_access_logs set endpoint = '/x' where id = ${third}`,
        `update api_access_chain set hash = sha256(hash) where chain = '${UNKNOWN_CALLERS}' and number >= 3`,
      ],
      1,
      'differs from the signed one',
    ],
    [
      'a row that was given to another service',
      [
        `update api_access_logs set external_service_id = (select id from external_services limit 1) where id = ${third}`,
      ],
      1,
      'another service',
    ],
  ])('%s', async (_what, statements, least, words) => {
    const findings = await tampered(statements);
    expect(findings.length).toBeGreaterThanOrEqual(least);
    expect(findings.map(({ what }) => what).join('; ')).toContain(words);
    expect((await proveAccessLog(ask)).findings).toEqual([]);
  });

  test('an end that was cut off together with its heads, by a head that the regulator kept', async () => {
    const [kept] = await service.rows<{ chain: string; number: string; hash: string }>(
      "select chain, number, encode(hash, 'hex') as hash from api_access_heads where chain = $1 order by number desc limit 1",
      [UNKNOWN_CALLERS],
    );
    await service.admin.query('begin');
    await service.admin.query('set local session_replication_role = replica');
    await service.admin.query('delete from api_access_chain where chain = $1 and number > 5', [UNKNOWN_CALLERS]);
    await service.admin.query('delete from api_access_heads where chain = $1', [UNKNOWN_CALLERS]);
    await service.admin.query(
      'delete from api_access_logs log where external_service_id is null and not exists (select from api_access_chain where log_id = log.id)',
    );
    expect((await proveAccessLog(ask)).findings).toEqual([]);
    expect((await proveAccessLog(ask, [kept as never])).findings).toMatchObject([
      { chain: UNKNOWN_CALLERS, number: kept?.number },
    ]);
    await service.admin.query('rollback');
  });
});
