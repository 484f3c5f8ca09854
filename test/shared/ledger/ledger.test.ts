// The ledger on the real database: batches, repeated keys, bad postings, locks and lost connections.

import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Posted } from '../../../shared/ledger/posting/ledger.ts';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Decided, Leg, Posting } from '../../../shared/ledger/rules/words.ts';
import { parseAmount } from '../../../shared/money.ts';
import { newEvent } from '../../../shared/platform/events/event.ts';
import { runShutdown } from '../../../shared/platform/shutdown.ts';
import { brokenPromises, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let wire: Wire;
let post: (posting: Posting) => Promise<Posted>;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  wire = await openWire(database.urls.money);
  process.env['DATABASE_URL'] = wire.url;
  // Nothing listens there: every event stays in the outbox.
  process.env['K_SINK'] = 'http://127.0.0.1:9/';
  process.env['LOG_LEVEL'] = 'silent';
  ({ post } = await import('../../../shared/ledger/posting/ledger.ts'));
});

afterAll(async () => {
  expect(await brokenPromises(admin)).toEqual([]);
  await runShutdown(() => undefined);
  await wire.close();
  await admin.end();
  await database.drop();
});

let keys = 0;
function payment(
  from: TestAccount,
  to: TestAccount,
  amount: string,
  more: Partial<Posting['key']> & { record?: Posting['record'] } = {},
): Posting {
  const { record = resultAndEvent, ...key } = more;
  return {
    key: {
      accountId: from.accountId,
      key: `key ${++keys}`,
      function: 'pay',
      request: JSON.stringify({ amount, to: to.accountId }),
      ...key,
    },
    operationId: newOperationId(),
    movement: {
      name: 'transfer',
      type: 'PAYMENT',
      from: from.accountId,
      to: to.accountId,
      amount: parseAmount(amount),
      currency: 'IDR',
    },
    record,
  };
}

function resultAndEvent({ outcome, legs }: Decided) {
  if (outcome !== 'posted') return { data: { outcome } };
  const [debit] = legs as [Leg];
  const event = newEvent({
    topic: 't',
    type: 'one-gate.payment.succeeded',
    source: '/test',
    subject: debit.operationId,
    partitionKey: debit.accountId,
    sequence: debit.legNumber.toString(),
    traceparent: null,
    data: {},
  });
  return { data: { outcome, id: debit.id }, events: [event] };
}

async function balanceOf({ accountId }: TestAccount): Promise<string> {
  const { rows } = await admin.query('select balance from accounts where id = $1', [accountId]);
  return rows[0].balance;
}

async function tracesOf({ key }: Posting) {
  const { rows } = await admin.query(
    `select (select count(*)::int from idempotency_keys where account_id = $1 and key = $2) as keys,
            (select count(*)::int from idempotency_keys k join historical_transactions leg using (operation_id) where k.account_id = $1 and key = $2) as legs,
            (select count(*)::int from idempotency_keys k join outbox on subject = operation_id::text where k.account_id = $1 and key = $2) as events`,
    [key.accountId, key.key],
  );
  return rows[0];
}

test('a payment writes two legs, its key and its event, and nothing else', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
  const posting = payment(ada, grace, '30.00');
  await expect(post(posting)).resolves.toMatchObject({ replayed: false, result: { data: { outcome: 'posted' } } });
  expect([await balanceOf(ada), await balanceOf(grace)]).toEqual(['70.00', '30.00']);
  expect(await tracesOf(posting)).toEqual({ keys: 1, legs: 2, events: 1 });
});

test('a payment happens once, however often it is asked for, at once and later', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
  const postings = Array.from({ length: 10 }, () => payment(ada, grace, '30.00', { key: 'the same' }));
  const results = await Promise.all(postings.map(post));
  results.push(await post(payment(ada, grace, '30.00', { key: 'the same' })));
  expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(new Set(results.map(({ result }) => JSON.stringify(result))).size).toBe(1);
  expect([await balanceOf(ada), await balanceOf(grace)]).toEqual(['70.00', '30.00']);
});

test('a refusal is kept and replayed, even when the balance would cover it later', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '10.00' }), await openAccount(admin, { balance: '50.00' })];
  const refused = await post(payment(ada, grace, '30.00', { key: 'too much' }));
  await post(payment(grace, ada, '40.00'));
  const again = await post(payment(ada, grace, '30.00', { key: 'too much' }));
  expect(again).toMatchObject({ replayed: true, result: refused.result });
  expect(refused.result).toEqual({ data: { outcome: 'insufficient_funds' } });
});

test('a key with another request is refused with the first request', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
  await post(payment(ada, grace, '1.00', { key: 'k' }));
  const first = { function: 'pay', request: JSON.stringify({ amount: '1.00', to: grace.accountId }) };
  const decided = { outcome: 'key_reused', first };
  await expect(post(payment(ada, grace, '2.00', { key: 'k' }))).resolves.toMatchObject({ result: null, decided });
  await expect(post(payment(ada, grace, '1.00', { key: 'k', function: 'transfer' }))).resolves.toMatchObject({
    result: null,
    decided,
  });
});

test('a payment and the end of an earlier hold are written in one batch, in either order', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
  const { runBatch } = await import('../../../shared/ledger/posting/batch.ts');
  const client = new pg.Client({ connectionString: database.urls.money, pipeline: true });
  await client.connect();
  const [from, to] = [ada.accountId, grace.accountId];
  const hold = (): Posting => {
    const particulars = {
      type: 'PAYMENT',
      amount: parseAmount('10.00'),
      currency: 'IDR',
      expiresInSeconds: 60,
    } as const;
    return { ...payment(ada, grace, '10.00'), movement: { name: 'hold', from, to, ...particulars } };
  };
  const capture = ({ operationId }: Posting): Posting => {
    const movement = { name: 'capture', operationId, from, to, amount: undefined } as const;
    return { ...payment(grace, ada, '10.00'), movement };
  };
  const holds = [hold(), hold()] as const;
  await runBatch(client, holds);
  await runBatch(client, [payment(ada, grace, '1.00'), capture(holds[0])]);
  await runBatch(client, [capture(holds[1]), payment(ada, grace, '1.00')]);
  expect(await balanceOf(grace)).toBe('22.00');
  await client.end();
});

test('many payments of few accounts at once leave every promise intact', async () => {
  const accounts: TestAccount[] = [];
  for (let count = 0; count < 5; count++) accounts.push(await openAccount(admin, { balance: '100.00' }));
  const results = await Promise.all(
    Array.from({ length: 400 }, (_, index) => {
      const from = accounts[index % 5] as TestAccount;
      const to = accounts[(index * 3 + 1) % 5] as TestAccount;
      return post(payment(from, to, `${(index % 40) + 1}.00`)).catch((error) => error);
    }),
  );
  expect(new Set(results.map(({ decided }) => decided?.outcome))).toEqual(
    new Set(['posted', 'insufficient_funds', 'same_account']),
  );
  expect(await brokenPromises(admin)).toEqual([]);
});

describe('a posting that cannot be written', () => {
  const broken = {
    'because our own code throws': () => {
      throw new RangeError('a bug');
    },
    'because the database refuses it': (decided: Decided) => {
      const recorded = resultAndEvent(decided);
      return { ...recorded, events: (recorded.events ?? []).map((event) => ({ ...event, topic: 'x'.repeat(101) })) };
    },
  };
  test.each(Object.entries(broken))('%s fails alone and leaves nothing', async (_name, record) => {
    const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
    const bad = payment(ada, grace, '1.00', { record });
    const good = Array.from({ length: 9 }, () => payment(ada, grace, '1.00'));
    const results = await Promise.allSettled([...good.slice(0, 5), bad, ...good.slice(5)].map(post));
    expect(results.map(({ status }) => status).filter((status) => status === 'rejected')).toHaveLength(1);
    expect(results[5]).toMatchObject({ reason: { kind: 'failed' } });
    expect(await balanceOf(grace)).toBe('9.00');
    expect(await tracesOf(bad)).toEqual({ keys: 0, legs: 0, events: 0 });
  });
});

test('a posting that waits for a locked account is sent away, its neighbours are not', async () => {
  const [ada, grace, held] = [
    await openAccount(admin, { balance: '100.00' }),
    await openAccount(admin),
    await openAccount(admin, { balance: '100.00' }),
  ];
  await admin.query('begin');
  await admin.query('select 1 from accounts where id = $1 for update', [held.accountId]);
  const waiting = payment(held, grace, '1.00');
  const results = await Promise.allSettled([
    post(payment(ada, grace, '1.00')),
    post(waiting),
    post(payment(ada, grace, '2.00')),
  ]);
  await admin.query('rollback');
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: { kind: 'busy' } });
  expect(await tracesOf(waiting)).toEqual({ keys: 0, legs: 0, events: 0 });
  await expect(post(waiting)).resolves.toMatchObject({ result: { data: { outcome: 'posted' } } });
});

describe('when the connection is lost', () => {
  test.each(['before COMMIT reaches the server', 'after the server has committed'] as const)(
    '%s, the payment still happens once and is answered',
    async (moment) => {
      const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
      wire.cutAtNextCommit(moment === 'before COMMIT reaches the server' ? 'request' : 'answer');
      const posting = payment(ada, grace, '30.00');
      await expect(post(posting)).resolves.toMatchObject({ replayed: false, result: { data: { outcome: 'posted' } } });
      expect(wire.cuts()).toBeGreaterThan(0);
      expect(await tracesOf(posting)).toEqual({ keys: 1, legs: 2, events: 1 });
      expect(await balanceOf(grace)).toBe('30.00');
    },
  );

  test('and stays lost, the answer is unknown; a later request with the same key learns the outcome', async () => {
    const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
    wire.cutAtNextCommit('answer', { stayDown: true });
    const posting = payment(ada, grace, '30.00');
    await expect(post(posting)).rejects.toMatchObject({ kind: 'unknown' });
    wire.restore();
    await expect(post({ ...posting, operationId: newOperationId() })).resolves.toMatchObject({
      replayed: true,
      operationId: posting.operationId,
      result: { data: { outcome: 'posted' } },
    });
    expect(await balanceOf(grace)).toBe('30.00');
  });

  test('together with the wait for a lock, the payment still happens once when both are over', async () => {
    const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
    await admin.query('begin');
    await admin.query('select 1 from accounts where id = $1 for update', [ada.accountId]);
    wire.cutAtNextLockTimeout();
    const posting = payment(ada, grace, '30.00');
    const posted = post(posting);
    while (wire.cuts() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await admin.query('rollback');
    wire.restore();
    await expect(posted).resolves.toMatchObject({ result: { data: { outcome: 'posted' } } });
    expect(await tracesOf(posting)).toEqual({ keys: 1, legs: 2, events: 1 });
  });

  test('and nothing was sent to COMMIT, the answer is that nothing has happened', async () => {
    const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
    wire.goDown();
    await expect(post(payment(ada, grace, '30.00'))).rejects.toMatchObject({ kind: 'busy' });
    wire.restore();
    expect(await balanceOf(grace)).toBe('0.00');
  });
});

test('after all these losses the ledger holds one connection', async () => {
  const [ada, grace] = [await openAccount(admin, { balance: '100.00' }), await openAccount(admin)];
  await post(payment(ada, grace, '1.00'));
  for (;;) {
    const { rows } = await admin.query(
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and usename = 'one_gate_money'",
    );
    // The server may still be noticing that a connection was cut.
    if (rows[0].n === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

interface Wire {
  url: string;
  /** Cuts the connection when COMMIT goes by: the request before it reaches the server, or its answer before it reaches the client. */
  cutAtNextCommit(what: 'request' | 'answer', options?: { stayDown: boolean }): void;
  /** Passes on the server's answer that the lock was not granted, and is down from then on. */
  cutAtNextLockTimeout(): void;
  /** Since the last call. */
  cuts(): number;
  goDown(): void;
  restore(): void;
  close(): Promise<void>;
}

/** A wire between the ledger and PostgreSQL that can be cut at a given moment. */
async function openWire(databaseUrl: string): Promise<Wire> {
  const target = new URL(databaseUrl);
  let cut: 'request' | 'answer' | 'lock timeout' | undefined;
  let stayDown = false;
  let down = false;
  let cuts = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    if (down) return void client.destroy();
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const cutNow = () => {
      cut = undefined;
      cuts++;
      down = stayDown;
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (bytes) => {
      // A simple query: 'Q', length, "commit\0".
      if (cut === 'request' && bytes.includes('commit\0')) return cutNow();
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (cut === 'answer' && bytes.includes('COMMIT\0')) return cutNow();
      if (cut === 'lock timeout' && bytes.includes('C55P03\0')) {
        client.write(bytes, cutNow);
        return;
      }
      client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as net.AddressInfo).port);
  url.hostname = '127.0.0.1';
  return {
    url: url.toString(),
    cutAtNextCommit: (what, options) => {
      cut = what;
      cuts = 0;
      stayDown = options?.stayDown ?? false;
    },
    cutAtNextLockTimeout: () => {
      cut = 'lock timeout';
      cuts = 0;
      stayDown = true;
    },
    cuts: () => cuts,
    goDown: () => {
      down = true;
      for (const socket of sockets) socket.destroy();
    },
    restore: () => {
      down = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
