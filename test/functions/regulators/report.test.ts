// The report: the same from its sums as from the legs, while the ledger goes on, and the same for ever once it was
// given out.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Query } from '../../../shared/platform/database/database.ts';
import { readSums } from '../../../shared/regulators/report-sums.ts';
import { type IssuedKey, type RegulatorService, serveRegulators } from './regulator-service.ts';

type Wallet = Awaited<ReturnType<RegulatorService['openWallet']>>;

let service: RegulatorService;
let ojk: IssuedKey;

const today = () => new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
const period = () => ({ from: today().replace(/\d\d$/, '01'), to: today() });
const address = (more: { [name: string]: string } = {}) =>
  `/v1/regulator/report?${new URLSearchParams({ ...period(), ...more })}`;

beforeAll(async () => {
  service = await serveRegulators();
  ojk = await service.issueKey();
});
afterAll(() => service.close());

/** Both sources, at the cut of the sums, in one snapshot. */
async function bothSources(admin: pg.Client) {
  const ask: Query = async ({ text, values }) => (await admin.query(text, values)).rows as never;
  await admin.query('begin isolation level repeatable read read only');
  try {
    const { rows } = await admin.query('select position::text as cut from report_cut');
    const cut: string = rows[0].cut;
    return {
      cut,
      rollups: await readSums(ask, 'rollups', cut, period()),
      legs: await readSums(ask, 'legs', cut, period()),
    };
  } finally {
    await admin.query('rollback');
  }
}

test('before the sums have been brought forward once there is no report', async () => {
  const answer = await service.ask(address(), ojk);
  expect([answer.status, answer.body.code]).toEqual([409, 'report_not_ready']);
  expect(answer.headers.get('retry-after')).toBe('60');
});

test('the sums are those of the legs at the same cut, beside concurrent writes, late settlements, and several runs that bring them forward', async () => {
  const { movements } = service;
  const people: Wallet[] = [];
  for (let turn = 0; turn < 6; turn++) people.push(await service.openWallet({ balance: '15000000.00' }));
  const shop = await service.openWallet({ type: 'merchant' });
  let going = true;
  const open: (() => Promise<unknown>)[] = [];
  // A generator of its own: the same story each time.
  let seed = 20_261_121;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const amount = () => ['10.00', '5000000.00', '123.45', '2000000.00', '10000000.00'][random(5)] ?? '';
  const step = async () => {
    const payer = people[random(people.length)] as Wallet;
    const other = people[random(people.length)] as Wallet;
    const what = random(8);
    if (what < 3) await movements.pay(payer, shop, amount());
    else if (what === 3 && payer !== other) await movements.pay(payer, other, amount());
    else if (what === 4) {
      const { operationId, outcome } = await movements.hold(payer, shop, '100.00');
      if (outcome === 'posted') {
        open.push(
          random(2) === 0
            ? () => movements.capture(operationId, payer, shop, random(2) === 0 ? '60.00' : undefined)
            : () => movements.giveUp(operationId, payer, shop),
        );
      }
    } else if (what === 5) {
      const { operationId, outcome } = await movements.openTopup(payer, '1000.00');
      if (outcome === 'posted') {
        open.push(() =>
          random(2) === 0
            ? movements.settle(operationId, payer, 'SUCCESS', '1000.00')
            : movements.settle(operationId, payer, 'FAILED'),
        );
      }
    } else if (what === 6) {
      const { operationId, outcome } = await movements.pay(payer, shop, '500.00');
      if (outcome === 'posted') await movements.refund(operationId, shop, payer, '200.00');
    } else await open.splice(random(open.length), 1)[0]?.();
  };
  const writers = [1, 2, 3].map(async () => {
    while (going) await step();
  });
  const advancing = [1, 2].map(async () => {
    while (going) expect(await service.deliver('advance-rollups')).toBe(204);
  });
  const reader = new pg.Client({ connectionString: service.database.adminUrl });
  await reader.connect();
  const cuts = new Set<string>();
  let widest = 0;
  try {
    for (let look = 0; look < 12 || cuts.size < 5; look++) {
      const { cut, rollups, legs } = await bothSources(reader);
      if (cut === '0') continue;
      cuts.add(cut);
      widest = Math.max(widest, rollups.totals.filter(({ status }) => status === 'PENDING').length);
      expect(rollups).toEqual(legs);
    }
  } finally {
    going = false;
    await Promise.all([...writers, ...advancing]);
    await reader.end();
  }
  expect(widest).toBeGreaterThan(0);
  for (const end of open.splice(0)) await end();
  const before = (await bothSources(service.admin)).cut;
  await service.bringSumsForward();
  const { cut, rollups, legs } = await bothSources(service.admin);
  expect(BigInt(cut)).toBeGreaterThan(BigInt(before));
  expect(rollups).toEqual(legs);
  expect(rollups.totals.filter(({ status }) => status === 'PENDING')).toEqual([]);
  expect(rollups.notable.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['LARGE']));
});

test('a sum that was lost or added twice is found by the comparison', async () => {
  await service.bringSumsForward();
  await service.admin.query('update report_totals set transactions = transactions + 1 where status = $1', ['SUCCESS']);
  const { rollups, legs } = await bothSources(service.admin);
  expect(rollups).not.toEqual(legs);
  await service.admin.query('update report_totals set transactions = transactions - 1 where status = $1', ['SUCCESS']);
});

describe('a report', () => {
  test('has figures that agree with each other and with the books', async () => {
    const hidden = await service.movements.pay(
      await service.openWallet({ balance: '50.00' }),
      await service.openWallet({ type: 'merchant' }),
      '50.00',
    );
    await service.behindTriggers(
      'update historical_transactions set is_accessible_external = false where operation_id = $1',
      [hidden.operationId],
    );
    await service.bringSumsForward();
    const { status, text, headers } = await service.ask(address(), ojk);
    expect(status).toBe(200);
    const report = JSON.parse(text);
    expect(report.id).toBe(headers.get('x-report-id'));
    const total = (rows: { transactions: number }[]) => rows.reduce((sum, row) => sum + row.transactions, 0);
    for (const rows of [report.by_day, report.by_type, report.by_status, report.by_method]) {
      expect(total(rows)).toBe(report.control.transactions);
    }
    expect(report.control.withheld).toBe(1);
    expect(report.control.debits).toBe(report.control.credits);
    expect(report.float.difference).toBe('0.00');
    const [books] = await service.rows<{
      people: string;
      merchants: string;
      gopay: string;
      active: string;
      amount: string;
    }>(`
      select sum(balance) filter (where kind = 'PERSON')::text as people, sum(balance) filter (where kind = 'MERCHANT')::text as merchants,
             (-sum(balance) filter (where name = 'clearing:gopay'))::text as gopay,
             (select count(distinct user_id) from historical_transactions where transaction_status = 'SUCCESS' and is_accessible_external) as active,
             (select sum(amount) from historical_transactions
               where (direction = 'DEBIT') <> (transaction_type = 'TOPUP') and user_id is not null and is_accessible_external)::text as amount
        from accounts`);
    expect(report.float.owed).toEqual({ people: books?.people, merchants: books?.merchants });
    expect(report.float.held['clearing:gopay']).toBe(books?.gopay);
    expect(report.active_users).toBe(Number(books?.active));
    expect(report.control.amount).toBe(books?.amount);
    expect(report.period).toEqual({ ...period(), time_zone: 'Asia/Jakarta', complete: false });
  });

  test('is byte for byte the same by its id for ever, and as long as the ledger stands still', async () => {
    await service.bringSumsForward();
    const first = await service.ask(address(), ojk);
    const id = first.headers.get('x-report-id') ?? '';
    expect((await service.ask(address(), ojk)).text).toBe(first.text);
    const wallet = await service.openWallet({ balance: '10.00' });
    await service.movements.pay(wallet, await service.openWallet({ type: 'merchant' }), '10.00');
    await service.bringSumsForward();
    const next = await service.ask(address(), ojk);
    expect(next.headers.get('x-report-id')).not.toBe(id);
    expect((await service.ask(`/v1/regulator/report?id=${id}`, ojk)).text).toBe(first.text);
    for (const format of ['csv', 'html']) {
      const once = await service.ask(`/v1/regulator/report?id=${id}&format=${format}`, ojk);
      const again = await service.ask(`/v1/regulator/report?id=${id}&format=${format}`, ojk);
      expect(once.status).toBe(200);
      expect(again.text).toBe(once.text);
    }
    // Computed from the legs at the same cut, it equals the given report.
    const kept = JSON.parse(first.text);
    const ask: Query = async ({ text, values }) => (await service.admin.query(text, values)).rows as never;
    const { reportOf } = await import('../../../shared/regulators/report.ts');
    const sums = await readSums(ask, 'legs', kept.cut.position, period());
    const cut = { position: kept.cut.position, at: new Date(kept.cut.at) };
    expect(reportOf({ id, period: period(), cut, codeVersion: kept.code_version }, sums)).toEqual(kept);
    await expect(service.admin.query('delete from regulator_reports')).rejects.toMatchObject({ code: '23001' });
  });

  test('is not readable with another service’s key', async () => {
    const { headers } = await service.ask(address(), ojk);
    const stranger = await service.issueKey({ consumer: 'stranger', permissions: ['READ_REPORTS'] });
    const answer = await service.ask(`/v1/regulator/report?id=${headers.get('x-report-id')}`, stranger);
    expect([answer.status, answer.body.code]).toEqual([404, 'report_not_found']);
  });

  test('comes as CSV with a line for each figure, and as a page without scripts', async () => {
    const { text } = await service.ask(address(), ojk);
    const report = JSON.parse(text);
    const csv = await service.ask(address({ format: 'csv' }), ojk);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = csv.text.trimEnd().split('\r\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'section,name,measure,value',
        `control,,.transactions,${report.control.transactions}`,
        `by_type,PAYMENT,amount,${report.by_type.find(({ type }: { type: string }) => type === 'PAYMENT').amount}`,
      ]),
    );
    const page = await service.ask(address({ format: 'html' }), ojk);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.text).toContain('<svg');
    expect(page.text).not.toContain('<script');
  });

  test.each([
    [{ from: '2026-10-01' }],
    [{ from: '2026-10-02', to: '2026-10-01' }],
    [{ from: '2026-02-30', to: '2026-03-01' }],
    [{ from: '2025-01-01', to: '2026-06-01' }],
    [{ from: '2026-10-01', to: '2026-10-31', id: crypto.randomUUID() }],
    [{ from: '2026-10-01', to: '2026-10-31', format: 'pdf' }],
  ])('is refused for %j', async (wish) => {
    const answer = await service.ask(`/v1/regulator/report?${new URLSearchParams(wish)}`, ojk);
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
  });
});

test('the stated rules are those that are applied', async () => {
  const { RULES } = await import('../../../shared/regulators/notable.ts');
  const rows = await service.rows<{ rules: string[] }>(`
    select notable_rules(amount, direction::direction_enum, left_over, created) as rules
      from (values (9999999.99, 'DEBIT', 1.00, timestamp '2026-10-01 12:00'), (10000000, 'CREDIT', 1, '2026-10-01 12:00'),
                   (5000000, 'DEBIT', 1, '2026-10-01 04:59:59'), (5000000, 'DEBIT', 1, '2026-10-01 05:00'), (4999999, 'DEBIT', 1, '2026-10-01 01:00'),
                   (2000000, 'DEBIT', 0, '2026-10-01 12:00'), (2000000, 'CREDIT', 0, '2026-10-01 12:00'), (1999999, 'DEBIT', 0, '2026-10-01 12:00'),
                   (10000000, 'DEBIT', 0, '2026-10-01 00:00')) as cases (amount, direction, left_over, created)`);
  expect(rows.map(({ rules }) => rules)).toEqual([
    [],
    ['LARGE'],
    ['LARGE_AT_NIGHT'],
    [],
    [],
    ['EMPTIED'],
    [],
    [],
    ['LARGE', 'LARGE_AT_NIGHT', 'EMPTIED'],
  ]);
  expect(Object.keys(RULES).toSorted()).toEqual(rows.at(-1)?.rules.toSorted());
});
