// Regulators' transactions: filters, masks, and pages that neither skip nor repeat while the ledger goes on.

import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { byId, encodeCursor } from '../../../shared/platform/http/page.ts';
import type { Filters } from '../../../shared/regulators/filters.ts';
import { pageStatement } from '../../../shared/regulators/listing.ts';
import { type IssuedKey, type RegulatorService, serveRegulators } from './regulator-service.ts';

// biome-ignore lint/suspicious/noExplicitAny: records of whatever shape the function gives.
type Record = any;
type Wallet = Awaited<ReturnType<RegulatorService['openWallet']>>;

const LIST = '/v1/regulator/transactions';

let service: RegulatorService;
let key: IssuedKey;
let inspector: IssuedKey;
let siti: Wallet;
let budi: Wallet;
let shop: Wallet;

beforeAll(async () => {
  service = await serveRegulators();
  key = await service.issueKey();
  inspector = await service.issueKey({ permissions: ['READ_TRANSACTIONS', 'READ_PERSONAL_DATA'] });
  siti = await service.openWallet({ username: 'siti_rahayu', balance: '1000000.00' });
  budi = await service.openWallet({ username: 'budi', balance: '1000000.00' });
  shop = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
});
afterAll(() => service.close());

const search = (filters: { [name: string]: string }) => `${LIST}?${new URLSearchParams(filters)}`;

/** All pages; `between` runs after each. */
async function readAll(
  filters: { [name: string]: string },
  between: () => Promise<unknown> = async () => undefined,
): Promise<Record[]> {
  const found: Record[] = [];
  for (let cursor: string | undefined; ; ) {
    const { status, body } = await service.ask(search({ ...filters, ...(cursor && { cursor }) }), key);
    expect(status).toBe(200);
    found.push(...body.data);
    if (body.next_cursor === null) return found;
    cursor = body.next_cursor;
    await between();
  }
}

const operationsOf = (records: Record[]) => records.map(({ operation_id }) => operation_id);

test('each transaction appears once, from its payer’s side, without names', async () => {
  const { operationId } = await service.movements.pay(siti, shop, '25000.00');
  const [record] = (await readAll({ from: new Date(Date.now() - 60_000).toISOString() })).filter(
    ({ operation_id }) => operation_id === operationId,
  );
  expect(record).toMatchObject({
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction: 'debit',
    amount: '25000.00',
    balance_before: '1000000.00',
    balance_after: '975000.00',
    account_id: siti.accountId,
    user_name: 's**i r****u',
    user_type: 'user',
    counterparty_account_id: shop.accountId,
    counterparty_name: 'w****g s**i',
    counterparty_type: 'merchant',
    user_identity: null,
    counterparty_identity: null,
    description: null,
  });
  expect(JSON.stringify(record)).not.toMatch(/siti|sari|example\.test|\+62/);
  const all = await readAll({});
  expect(new Set(operationsOf(all)).size).toBe(all.length);
  const [topup] = all.filter(({ type }) => type === 'TOPUP');
  expect(topup).toMatchObject({
    direction: 'credit',
    counterparty_type: 'system',
    counterparty_name: 'clearing:gopay',
  });
});

test('personal data is shown only for a case, of one person, and with the permission', async () => {
  const { user_id } = (await readAll({ account_id: siti.accountId }))[0];
  const ask = (as: IssuedKey, filters: { [name: string]: string }, headers: { [name: string]: string } = {}) =>
    service.ask(search({ ...filters, unmask: 'true' }), { ...as, headers });
  const aCase = { 'x-purpose-code': 'INVESTIGATION', 'x-case-number': 'OJK-2026/0815' };
  expect((await ask(inspector, {}, aCase)).status).toBe(422);
  expect((await ask(key, { user_id }, aCase)).body.code).toBe('not_permitted');
  expect((await ask(inspector, { user_id })).body.code).toBe('case_number_required');
  const purposeOnly = { 'x-purpose-code': 'INVESTIGATION' };
  expect((await ask(inspector, { user_id }, purposeOnly)).body.code).toBe('case_number_required');
  const shown = await ask(inspector, { user_id }, aCase);
  expect(shown.status).toBe(200);
  expect(shown.body.data[0].user_identity).toEqual({
    username: 'siti_rahayu',
    email: 'siti_rahayu@example.test',
    phone: expect.stringMatching(/^\+62/),
  });
});

test('a person is followed by her pseudonym', async () => {
  const [record] = await readAll({ account_id: budi.accountId });
  const byUser = await readAll({ user_id: record.user_id });
  expect(byUser.length).toBeGreaterThan(0);
  expect(new Set(byUser.map(({ account_id }) => account_id))).toEqual(new Set([budi.accountId]));
  expect(await readAll({ user_id: crypto.randomUUID() })).toEqual([]);
  expect(record.user_id).not.toBe(budi.accountId);
});

test('filters show exactly what they say, alone and together, and withheld transactions never', async () => {
  const began = new Date();
  const held = await service.movements.hold(siti, shop, '7000.00');
  const open = await service.movements.openTopup(budi, '50000.00');
  const failed = await service.movements.openTopup(budi, '60000.00');
  await service.movements.settle(failed.operationId, budi, 'FAILED');
  const paid = await service.movements.pay(budi, shop, '123000.00');
  const back = await service.movements.refund(paid.operationId, shop, budi, '23000.00');
  const hidden = await service.movements.pay(budi, shop, '1.00');
  await service.behindTriggers(
    'update historical_transactions set is_accessible_external = false where operation_id = $1',
    [hidden.operationId],
  );
  const from = began.toISOString();
  const find = async (filters: { [name: string]: string }) => operationsOf(await readAll({ from, ...filters }));
  expect(await find({})).toEqual([back, paid, failed, open, held].map(({ operationId }) => operationId));
  expect(await find({ type: 'REFUND' })).toEqual([back.operationId]);
  expect(await find({ status: 'PENDING' })).toEqual([open.operationId, held.operationId]);
  expect(await find({ status: 'PENDING', type: 'PAYMENT' })).toEqual([held.operationId]);
  expect(await find({ payment_method: 'GOPAY' })).toEqual([failed.operationId, open.operationId]);
  expect(await find({ payment_method: 'SHOPEE_PAY' })).toEqual([]);
  expect(await find({ amount_from: '50000', amount_to: '60000' })).toEqual([failed.operationId, open.operationId]);
  expect(await find({ amount_from: '60000.01' })).toEqual([paid.operationId]);
  expect(await find({ status: 'FAILED', amount_to: '59999' })).toEqual([]);
  const ofShop = await readAll({ from, account_id: shop.accountId });
  // The PENDING ones first, then by the time when they ended.
  expect(ofShop.map(({ operation_id, direction }) => [operation_id, direction])).toEqual([
    [held.operationId, 'credit'],
    [back.operationId, 'debit'],
    [paid.operationId, 'credit'],
  ]);
  expect(await readAll({ to: '2026-01-01T00:00:00Z' })).toEqual([]);
  await service.movements.giveUp(held.operationId, siti, shop);
});

describe('times', () => {
  test('that do not exist are refused, in lists and exports, with the field’s name', async () => {
    for (const path of [LIST, `${LIST}/export`]) {
      for (const [name, time] of [
        ['from', '2026-02-30T00:00:00Z'],
        ['to', '0000-01-01T00:00:00Z'],
        ['from', '2026-01-01T00:00:00+20:00'],
      ] as const) {
        const { status, body } = await service.ask(`${path}?${new URLSearchParams({ [name]: time })}`, key);
        expect([time, status, body.errors?.[0].pointer]).toEqual([time, 422, `query/${name}`]);
      }
      const backwards = new URLSearchParams({ from: '2026-11-20T00:00:00Z', to: '2026-11-19T00:00:00Z' });
      const { status, body } = await service.ask(`${path}?${backwards}`, key);
      expect([status, body.errors?.[0].pointer]).toEqual([422, 'query/to']);
    }
  });

  test('of the first and the last centuries are before and after all transactions', async () => {
    await service.movements.pay(siti, shop, '1.00');
    const account_id = siti.accountId;
    const all = await readAll({ account_id });
    for (const time of ['0001-01-01T00:00:00Z', '1000-01-01t00:00:00z', '1969-12-31T23:59:60-00:00']) {
      expect([time, await readAll({ account_id, from: time })]).toEqual([time, all]);
      expect([time, await readAll({ account_id, to: time })]).toEqual([time, []]);
      expect([time, await readAll({ to: time })]).toEqual([time, []]);
    }
    for (const time of ['9999-12-31T23:59:59Z', '5000-01-01T00:00:00+07:00']) {
      expect([time, await readAll({ account_id, to: time })]).toEqual([time, all]);
      expect([time, await readAll({ from: time })]).toEqual([time, []]);
    }
  });
});

test('parameters are never part of the statement', () => {
  const textOf = (filters: Filters) => pageStatement(filters, '1:1:', byId.top, 1, false).text;
  const rare = ['PENDING', 'FAILED', 'CANCELLED'] as const;
  expect(new Set(rare.map((status) => textOf({ status }))).size).toBe(1);
  expect(textOf({ payment_method: 'GOPAY' })).toBe(textOf({ payment_method: 'SHOPEE_PAY' }));
  expect(textOf({ type: 'TRANSFER' })).toBe(textOf({ type: 'PAYMENT' }));
  const time = '2026-11-20T00:00:00.000Z';
  const text = textOf({
    from: time,
    to: time,
    type: 'REFUND',
    status: 'SUCCESS',
    amount_from: '12.34',
    amount_to: '56.78',
  });
  for (const value of [time, 'REFUND', '12.34', '56.78']) expect(text).not.toContain(value);
});

test('rare transactions are read by their own index', async () => {
  const planOf = async (filters: Filters) => {
    const { text, values } = pageStatement(filters, '1:1:', byId.top, 20, false);
    // As with millions of legs: reading all of them is no choice for the planner.
    await service.admin.query('set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off');
    const plan = await service.rows<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
    return plan.map((row) => row['QUERY PLAN']).join('\n');
  };
  expect(await planOf({ status: 'FAILED' })).toMatch(/transaction_status_id_idx|unusual/);
  expect(await planOf({ payment_method: 'GOPAY' })).toMatch(/payment_method_id_idx|by_method/);
  expect(await planOf({ type: 'REFUND' })).toMatch(/refunded|_id_idx/);
});

describe('pages', () => {
  test('neither skip nor repeat while new ones come and pending ones end, of all wallets and of one', async () => {
    const payer = await service.openWallet({ balance: '1000000.00' });
    const began = new Date().toISOString();
    const operations: string[] = [];
    const holds: string[] = [];
    for (let turn = 0; turn < 12; turn++) {
      const { operationId } =
        turn % 3 === 0
          ? await service.movements.hold(payer, shop, '100.00')
          : await service.movements.pay(payer, shop, '10.00');
      operations.push(operationId);
      if (turn % 3 === 0) holds.push(operationId);
    }
    let turn = 0;
    const goOn = async () => {
      turn++;
      await service.movements.pay(payer, shop, '1.00');
      const ending = holds.shift();
      if (ending && turn % 2 === 0) await service.movements.capture(ending, payer, shop, '50.00');
      else if (ending) await service.movements.giveUp(ending, payer, shop);
      await service.movements.hold(payer, shop, '2.00');
    };
    const all = await readAll({ from: began, limit: '2' }, goOn);
    expect(operationsOf(all)).toEqual(operations.toReversed());

    const before = await service.rows<{ operation_id: string; transaction_status: string }>(
      'select operation_id, transaction_status from historical_transactions where account_id = $1',
      [payer.accountId],
    );
    holds.push(...before.flatMap((row) => (row.transaction_status === 'PENDING' ? [row.operation_id] : [])));
    const own = await readAll({ account_id: payer.accountId, limit: '2' }, goOn);
    expect(operationsOf(own).toSorted()).toEqual(before.map((row) => row.operation_id).toSorted());
  });

  test('show every committed transaction while others still run, and none that is committed later', async () => {
    const payer = await service.openWallet({ balance: '1000000.00' });
    const from = new Date().toISOString();
    const slow = new pg.Client({ connectionString: service.database.adminUrl });
    await slow.connect();
    try {
      await slow.query('begin');
      await slow.query('set local session_replication_role = replica');
      const { rows } = await slow.query<{ operation_id: string }>(
        `insert into historical_transactions (id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction,
                amount, balance_before, balance_after)
         select (left(id, 35) || '1')::uuid, (left(id, 35) || '0')::uuid, $1, $2, 1000000, 'TRANSFER', 'SUCCESS', 'DEBIT', 1, 1, 0
           from (select uuidv7()::text) as made (id) returning operation_id`,
        [payer.accountId, payer.userId],
      );
      const early = rows[0]?.operation_id;
      const paid: string[] = [];
      for (let turn = 0; turn < 3; turn++) paid.unshift((await service.movements.pay(payer, shop, '1.00')).operationId);
      const commit = async () => {
        if (slow.getTransactionStatus() !== 'I') await slow.query('commit');
      };
      expect(operationsOf(await readAll({ from, limit: '1' }, commit))).toEqual(paid);
      // The database made its id and the ledger those of the payments, perhaps within one millisecond: in no order.
      expect(operationsOf(await readAll({ from })).toSorted()).toEqual([...paid, early].toSorted());
    } finally {
      await slow.end();
      await service.behindTriggers('delete from historical_transactions where leg_number = 1000000');
    }
  });

  test('may be short when matches are rare, and still lead on', async () => {
    // Pages read 6 000, 2 000 of a wallet. Of 15 000, a few match: the first, the last, and those beside and at the
    // ends of reading.
    const few = [15_000, 9_001, 9_000, 3_002, 1];
    await service.behindTriggers(
      `insert into historical_transactions (id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction,
              amount, balance_before, balance_after)
       select (left(id, 35) || '1')::uuid, (left(id, 35) || '0')::uuid, $1, $2, 1000000 + n, 'TRANSFER', 'SUCCESS', 'DEBIT', amount, amount, 0
         from generate_series(1, 15000) n, lateral (select uuidv7(interval '1 day' + n * interval '0')::text as id,
              case when n = any ($3) then n else 0.5 end as amount) made`,
      [siti.accountId, siti.userId, few],
    );
    const from = new Date(Date.now() + 3_600_000).toISOString();
    const pagesOf = async (filters: { [name: string]: string }) => {
      const pages: number[][] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { body } = await service.ask(
          search({ from, amount_from: '1', ...filters, ...(cursor && { cursor }) }),
          key,
        );
        pages.push(body.data.map(({ amount }: Record) => Number(amount)));
        cursor = body.next_cursor;
      }
      return pages;
    };
    expect(await pagesOf({ limit: '100' })).toEqual([[15_000, 9_001], [9_000, 3_002], [1]]);
    expect(await pagesOf({ limit: '100', type: 'TOPUP' })).toEqual([[], [], []]);
    for (const limit of ['1', '2', '3']) {
      expect([limit, (await pagesOf({ limit })).flat()]).toEqual([limit, few]);
      const own = await pagesOf({ limit, account_id: siti.accountId });
      expect([limit, own.flat()]).toEqual([limit, few]);
    }
    expect((await pagesOf({ limit: '100', account_id: siti.accountId })).length).toBeGreaterThanOrEqual(8);
    await service.behindTriggers('delete from historical_transactions where leg_number > 1000000');
  });

  test('belong to their filters, and only ours are taken', async () => {
    const { body } = await service.ask(search({ limit: '1' }), key);
    for (const filters of [
      { limit: '1', cursor: body.next_cursor, type: 'TOPUP' },
      { limit: '1', cursor: body.next_cursor, account_id: siti.accountId },
      { cursor: 'bm90aGluZw' },
      {
        cursor: encodeCursor(`1:1:/1/${2n ** 63n}`, { account_id: siti.accountId, unmasked: false }),
        account_id: siti.accountId,
      },
      { cursor: encodeCursor(`1:${2n ** 64n}:/${byId.top}`, { unmasked: false }) },
    ]) {
      const answer = await service.ask(search(filters as { [name: string]: string }), key);
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_cursor']);
    }
  });
});

describe('an export', () => {
  const EXPORT = `${LIST}/export`;
  const read = async (filters: { [name: string]: string }, headers: { [name: string]: string } = {}) =>
    fetch(service.urlOf(`${EXPORT}?${new URLSearchParams(filters)}`), {
      headers: {
        'x-api-key': key.key,
        'x-purpose-code': 'STATISTICS',
        'x-real-ip': '203.0.113.7',
        'accept-encoding': 'identity',
        ...headers,
      },
    });

  test('holds the records of the list, oldest first, in NDJSON and in CSV', async () => {
    const listed = await readAll({});
    const answer = await read({});
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const records = (await answer.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records).toEqual(listed.toReversed());
    const csv = await (await read({ format: 'csv', type: 'PAYMENT' })).text();
    const [head = '', ...lines] = csv.trimEnd().split('\r\n');
    const wanted = listed.filter(({ type }) => type === 'PAYMENT').toReversed();
    expect(lines.map((line) => line.split(',')[0])).toEqual(wanted.map(({ id }) => id));
    const names = head.split(',');
    expect(names).toEqual(Object.keys(records[0]).filter((name) => !/identity|description/.test(name)));
    expect(lines[0]?.split(',')[names.indexOf('user_name')]).toMatch(/^".\*/);
  });

  test('is compressed on request', async () => {
    const url = new URL(service.urlOf(EXPORT));
    const { request } = await import('node:http');
    const zipped = await new Promise<Buffer>((resolve, reject) => {
      const headers = {
        'x-api-key': key.key,
        'x-purpose-code': 'STATISTICS',
        'x-real-ip': '203.0.113.7',
        'accept-encoding': 'br, gzip',
      };
      request(url, { headers }, (answer) => {
        const pieces: Buffer[] = [];
        expect(answer.headers['content-encoding']).toBe('gzip');
        answer.on('data', (piece) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces)));
      })
        .on('error', reject)
        .end();
    });
    expect(gunzipSync(zipped).toString()).toBe(await (await read({})).text());
  });

  test('resumes where it broke off, with the cut of its beginning', async () => {
    const whole = await read({});
    const cut = whole.headers.get('x-export-cut') ?? '';
    const lines = (await whole.text()).trimEnd().split('\n');
    const last = JSON.parse(lines[2] ?? '');
    await service.movements.pay(siti, shop, '5.00');
    const rest = (await (await read({ after: last.id, cut })).text()).trimEnd().split('\n');
    expect(rest.map((line) => JSON.parse(line).id)).toEqual(lines.slice(3).map((line) => JSON.parse(line).id));
    const next = BigInt(cut.split(':')[1] ?? '') + 1_000_000n;
    for (const wrong of [`${next}:${next}:`, String(next), 'yesterday', '0', '5:4:', `5:${next}:4`]) {
      expect([wrong, (await read({ cut: wrong })).status]).toEqual([wrong, 422]);
    }
  });

  test('holds the transactions that a report has counted, at the report’s cut', async () => {
    await service.bringSumsForward();
    const today = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
    const report = await service.ask(`/v1/regulator/report?from=${today}&to=${today}`, key);
    await service.movements.pay(siti, shop, '5.00');
    const from = new Date(`${today}T00:00:00+07:00`).toISOString();
    const lines = (await (await read({ from, cut: report.body.cut.position })).text()).trimEnd().split('\n');
    expect(lines).toHaveLength(report.body.control.transactions);
  });

  test('is the same in many chunks as in one', async () => {
    const { exportLines } = await import('../../../shared/regulators/export.ts');
    let chunks = 0;
    const ask = async (statement: { text: string; values?: unknown[] }) => {
      if (statement.text.includes('string_agg')) chunks++;
      return (await service.admin.query(statement.text, statement.values)).rows;
    };
    const { currentCut } = await import('../../../shared/regulators/cut.ts');
    const cut = await currentCut(ask as never);
    for (const chunk of [1, 3, 1_000]) {
      let text = '';
      for await (const lines of exportLines({ format: 'ndjson', filters: {}, cut, chunk }, ask as never)) {
        text += lines;
      }
      expect(text).toBe(await (await read({})).text());
    }
    expect(chunks).toBeGreaterThan(20);
  });

  test('marks texts that a spreadsheet would take for a formula', async () => {
    const { operationId } = await service.movements.pay(siti, shop, '3.00');
    await service.behindTriggers('update historical_transactions set external_reference = $2 where operation_id = $1', [
      operationId,
      '=HYPERLINK("http://evil","x")',
    ]);
    const csv = await (await read({ format: 'csv', amount_to: '3.00', amount_from: '3.00' })).text();
    expect(csv).toContain(`"'=HYPERLINK(""http://evil"",""x"")"`);
  });
});

test('the database masks a name as the API masks payees', async () => {
  const { maskName } = await import('../../../shared/ledger/reading/payees.ts');
  const names = ['siti', 'ab', 'a', 'abc', 'siti_rahayu', 'x.y_z', '_a__b_', 'warung.sari_2', '...'];
  const rows = await service.rows<{ masked: string | null }>(
    'select mask_name(name) as masked from unnest($1::text[]) with ordinality as names (name, place) order by place',
    [names],
  );
  expect(rows.map(({ masked }) => masked ?? '')).toEqual(names.map(maskName));
});
