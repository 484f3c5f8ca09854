// The journeys of Bank Indonesia and OJK, through the gateway, with the keys that an operator gave them; and their rows
// in the access log.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { ROOT } from '../../knative/functions.ts';
import { makeOperator } from '../../knative/local/operator-role.ts';
import type { Platform } from '../../knative/local/platform.ts';
import type { Query } from '../../shared/platform/database/database.ts';
import { proveAccessLog } from '../../shared/regulators/access-chain.ts';
import { topUp } from '../setup/accounts.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';
import { type Answer, arrive, ask, startJourneyPlatform, type Traveller, until } from './journey.ts';

let directory: TemporaryDirectory;
let platform: Platform;
let admin: pg.Client;
let operator: Traveller;
let payer: Traveller;
let shop: Traveller;
const keys: Record<string, { key: string; id: string }> = {};

const LIST = '/v1/regulator/transactions';

beforeAll(async () => {
  directory = await temporaryDirectory();
  platform = await startJourneyPlatform(directory.path);
  admin = new pg.Client({ connectionString: platform.databaseUrls.admin });
  await admin.connect();
  operator = await arrive(platform.publicUrl);
  await makeOperator(platform.databaseUrls.migrator, operator.username);
  payer = await arrive(platform.publicUrl);
  shop = await arrive(platform.publicUrl, 'merchant');
  await topUp(admin, payer.accountId, '500000.00');
}, 240_000);

afterAll(async () => {
  await admin?.end();
  await platform?.stop();
  await directory?.remove();
}, 60_000);

const look = (consumer: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  ask(`${platform.publicUrl}${path}`, method, undefined, {
    'x-api-key': keys[consumer]?.key ?? '',
    'x-purpose-code': 'SUPERVISION',
    ...headers,
  });
const told = ({ status, body }: Answer) => [status, body?.code];

test('an operator issues a key to both, and the gateway lets them in', async () => {
  for (const [consumer, company, permissions, minute] of [
    ['bank-indonesia', 'Bank Indonesia', ['READ_TRANSACTIONS'], 100],
    ['ojk', 'Otoritas Jasa Keuangan', ['READ_TRANSACTIONS', 'READ_REPORTS'], 200],
  ] as const) {
    const issued = await operator.post('/v1/operator/api-key', {
      consumer,
      company,
      contact_email: `pengawasan@${consumer}.example`,
      key_name: 'journey',
      permissions,
      limits: { minute, hour: minute * 10, day: minute * 100 },
      allowed_networks: ['127.0.0.0/8', '::1'],
      reason: 'agreed',
    });
    expect(issued.status).toBe(201);
    keys[consumer] = { key: issued.body.data.key, id: issued.body.data.api_key.id };
    await until(async () => (await look(consumer, `${LIST}?limit=1`)).status === 200);
  }
});

test('Bank Indonesia reads transactions and its own log, and is refused everything else', async () => {
  const paid = await payer.post('/v1/pay', { amount: '25000.00', to: { username: shop.username } });
  expect(paid.status).toBe(201);
  const listed = await look('bank-indonesia', `${LIST}?type=PAYMENT`);
  expect(listed.status).toBe(200);
  expect(listed.body.data[0]).toMatchObject({
    operation_id: paid.body.data.transaction.operation_id,
    amount: '25000.00',
    account_id: payer.accountId,
    counterparty_account_id: shop.accountId,
  });
  expect(JSON.stringify(listed.body)).not.toContain(payer.username);
  expect(listed.headers.get('ratelimit-policy')).toContain('"minute";q=100;w=60');
  expect(listed.headers.get('ratelimit-limit')).toBe('100');
  const exported = await look('bank-indonesia', `${LIST}/export?type=PAYMENT`, { 'accept-encoding': 'identity' });
  expect(exported.body.trim().split('\n').map(JSON.parse)).toEqual(listed.body.data.toReversed());
  expect((await look('bank-indonesia', '/v1/regulator/access-log')).body.data[0]).toMatchObject({
    endpoint: '/v1/regulator/transactions/export',
    response_status: 200,
  });

  expect(told(await look('bank-indonesia', '/v1/regulator/report?from=2026-10-01&to=2026-10-31'))).toEqual([
    403,
    'not_permitted',
  ]);
  expect(told(await look('bank-indonesia', LIST, { 'x-purpose-code': '' }))).toEqual([400, 'purpose_required']);
  expect(told(await look('bank-indonesia', LIST, {}, 'POST'))).toEqual([405, 'method_not_allowed']);
  expect(told(await look('nobody', LIST))).toEqual([401, 'api_key_required']);
  expect(told(await look('nobody', LIST, { 'x-api-key': `${keys['ojk']?.key}x` }))).toEqual([401, 'api_key_required']);
  for (const path of ['/v1/account', '/v1/transactions', '/v1/operator/api-keys', '/v1/operator/audit']) {
    expect((await look('bank-indonesia', path)).status).toBe(401);
  }
});

test('OJK reads transactions and reports, in three formats, the same each time, and their documents', async () => {
  expect((await look('ojk', `${LIST}?limit=1`)).status).toBe(200);
  const day = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
  const ofPayments = ({ body }: Answer) => body.by_type.find(({ type }: { type: string }) => type === 'PAYMENT');
  // A report waits for the transactions that are still being written.
  const report = await until(async () => {
    await admin.query('select advance_report_rollups(1000000000)');
    const answer = await look('ojk', `/v1/regulator/report?from=${day}&to=${day}`);
    return answer.status === 200 && ofPayments(answer) && answer;
  });
  expect(ofPayments(report)).toEqual({ type: 'PAYMENT', transactions: 1, amount: '25000.00' });
  expect((await look('ojk', `/v1/regulator/report?id=${report.body.id}`)).body).toEqual(report.body);
  const csv = await look('ojk', `/v1/regulator/report?id=${report.body.id}&format=csv`);
  expect(csv.body).toContain('by_type,PAYMENT,amount,25000.00');
  const page = await look('ojk', `/v1/regulator/report?id=${report.body.id}&format=html`);
  expect(page.headers.get('content-type')).toContain('text/html');

  const guide = await look('ojk', '/v1/regulator/openapi.json');
  expect(Object.keys(guide.body.paths).every((path) => path.startsWith('/v1/regulator/'))).toBe(true);
  const dictionary = await look('ojk', '/v1/regulator/data-dictionary');
  const fields = dictionary.body.data.fields.filter(
    ({ object }: { object: string }) => object === 'RegulatedTransaction',
  );
  const record = (await look('ojk', `${LIST}?limit=1`)).body.data[0];
  expect(new Set(fields.map(({ field }: { field: string }) => field.split('.')[0]))).toEqual(
    new Set(Object.keys(record)),
  );
  expect(dictionary.body.data.fields.filter(({ meaning }: { meaning: string }) => meaning === '')).toEqual([]);
  const sample = await look('ojk', '/v1/regulator/samples/transactions.json');
  expect(Object.keys(sample.body.data[0])).toEqual(Object.keys(record));
  for (const name of [
    'transactions.csv',
    'transactions.ndjson',
    'report.json',
    'report.csv',
    'report.html',
    'access-log.json',
  ]) {
    expect((await look('ojk', `/v1/regulator/samples/${name}`)).status).toBe(200);
  }
  expect((await look('ojk', '/v1/regulator/samples/passwords')).status).toBe(404);
});

test('a regulator above its limit is told which limit, and the other regulator is not affected', async () => {
  const refused = await until(async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => look('bank-indonesia', `${LIST}?limit=1`)));
    return answers.find(({ status }) => status === 429);
  });
  expect(refused.body.policy).toMatchObject({ limit: 100 });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await look('ojk', `${LIST}?limit=1`)).status).toBe(200);
});

test('a key that is disabled is refused within five seconds', async () => {
  const disabled = await operator.post('/v1/operator/api-key/disable', {
    key_id: keys['ojk']?.id,
    reason: 'the journey is over',
  });
  expect(disabled.status).toBe(200);
  const began = performance.now();
  await until(async () => (await look('ojk', `${LIST}?limit=1`)).status === 401);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a caller past the gateway is refused, and the access log gets no row', async () => {
  const entry = {
    client_ip: '10.1.2.3',
    request: { id: 'f'.repeat(32), method: 'GET', uri: LIST },
    response: { status: 401 },
    consumer: { username: 'ojk' },
  };
  const forged = {
    'ce-specversion': '1.0',
    'ce-id': 'forged',
    'ce-source': '/kong',
    'ce-type': 'one-gate.gateway.access-seen',
    'x-gateway-proof': 'a guess',
  };
  await look('bank-indonesia', `${LIST}?limit=1`);
  await ask(`${platform.publicUrl}${LIST}`, 'GET');
  const running = (name: string) => platform.services().find((service) => service.name === name)?.instances ?? [];
  await until(async () => running('regulators').length > 0 && running('regulator-records').length > 0);
  for (const { port } of running('regulator-records')) {
    const address = `http://127.0.0.1:${port}/events/record-gateway-access`;
    expect(told(await ask(address, 'POST', [entry], forged))).toEqual([403, 'sender_unknown']);
  }
  for (const { port } of running('regulators')) {
    const headers = { 'x-api-key': keys['ojk']?.key ?? '', 'x-purpose-code': 'SUPERVISION', 'x-real-ip': '127.0.0.1' };
    expect(told(await ask(`http://127.0.0.1:${port}${LIST}`, 'GET', undefined, headers))).toEqual([
      403,
      'sender_unknown',
    ]);
  }
  const { rows } = await admin.query('select 1 from api_access_logs where gateway_request_id = $1', ['f'.repeat(32)]);
  expect(rows).toEqual([]);
});

test('the log holds exactly the requests that the gateway counted, and is whole', async () => {
  const ofRegulators =
    /^(?:list-regulated-transactions|export-regulated-transactions|regulator-report|list-access-log|regulator-guide|only-get-regulators)$/;
  const counted = () =>
    platform
      .counted()
      .filter(({ route }) => ofRegulators.test(route))
      .reduce((sum, { requests }) => sum + requests, 0);
  const query: Query = async ({ text, values }) => (await admin.query(text, values)).rows as never;
  // The gateway reports its own refusals in batches, a second later.
  await until(async () => {
    const [row] = await query<{ requests: number }>({
      text: 'select coalesce(sum(requests), 0)::int as requests from api_access_logs',
    });
    return row?.requests === counted();
  });
  const proof = await until(async () => {
    await admin.query('select chain_access_logs(100000)');
    const found = await proveAccessLog(query);
    return found.waiting === 0 && found;
  });
  expect(proof).toMatchObject({ requests: counted(), findings: [] });
  // As an operator proves it, with the role that only reads.
  const { stdout } = await promisify(execFile)(process.execPath, ['knative/verify-access-log.ts'], {
    cwd: ROOT,
    env: { DATABASE_URL: platform.databaseUrls.reader },
  });
  expect(stdout).toContain('Nothing was changed, taken out, put in or cut off.');
  const perStatus = await query<{ status: number; requests: number }>({
    text: 'select response_status as status, sum(requests)::int as requests from api_access_logs group by 1 order by 1',
  });
  const gateways = Map.groupBy(
    platform.counted().filter(({ route }) => ofRegulators.test(route)),
    ({ status }) => status,
  );
  expect(perStatus).toEqual(
    [...gateways]
      .map(([status, rows]) => ({ status, requests: rows.reduce((sum, { requests }) => sum + requests, 0) }))
      .sort((one, other) => one.status - other.status),
  );
});
