// The people and merchants of a run: what each wants, one wish after the other, all of them at once. Many wishes must
// be refused.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { formatAmount, parseAmount } from '../../shared/money.ts';
import { signTokens, type TokenKey } from '../bench/tokens.ts';
import { openAccount } from '../setup/accounts.ts';
import type { Client, Kind, Operation, Received } from './books.ts';
import type { Dice } from './random.ts';

/** Payees that take nothing: one suspended, one closed. */
export interface Crowd {
  clients: Client[];
  unavailable: string[];
}

/** A third of them are merchants. `admin` is the superuser's. */
export async function makeCrowd(admin: pg.Client, count: number, key: TokenKey, dice: Dice): Promise<Crowd> {
  const clients: (Client & { userId: string })[] = [];
  for (let number = 1; number <= count; number++) {
    const type = number % 3 === 0 ? 'merchant' : 'user';
    const balance = `${dice.between(1, 9) * (type === 'user' ? 50_000 : 100_000)}.00`;
    const username = `${type === 'user' ? 'person' : 'shop'}_${number}`;
    const account = await openAccount(admin, { username, type, balance });
    clients.push({ ...account, type, token: '', opening: parseAmount(balance), received: [], topups: [] });
  }
  const { rows } = await admin.query<{ user_id: string; id: string }>(
    "insert into sessions (user_id, expires_at) select unnest($1::bigint[]), now() + interval '1 day' returning user_id, id",
    [clients.map(({ userId }) => userId)],
  );
  const sessions = new Map(rows.map(({ user_id, id }) => [user_id, id]));
  const tokens = await signTokens(
    key,
    clients.map((client) => ({ ...client, sessionId: sessions.get(client.userId) ?? '' })),
    1,
  );
  for (const [index, client] of clients.entries()) client.token = tokens[index] ?? '';
  const unavailable: string[] = [];
  for (const status of ['SUSPENDED', 'CLOSED'])
    unavailable.push((await openAccount(admin, { username: `gone_${status.toLowerCase()}`, status })).accountId);
  return { clients, unavailable };
}

const WISHES = {
  user: { pay: 40, transfer: 20, topup: 14, hold: 13, cancel: 3, wrong: 10 },
  merchant: { refund: 38, capture: 32, void: 12, pay: 8, topup: 2, wrong: 8 },
} as const;

/** The next wish of a client. */
export function nextOperation(number: number, client: Client, { clients, unavailable }: Crowd, dice: Dice): Operation {
  const people = () => dice.oneOf(clients.filter((other) => other.type === 'user' && other !== client));
  const merchant = () => dice.oneOf(clients.filter((other) => other.type === 'merchant' && other !== client));
  const anybody = () => (dice.percent(75) ? merchant() : people());
  const to = ({ username, accountId }: Client) => (dice.percent(50) ? { username } : { account_id: accountId });
  const amount = () => formatAmount(BigInt(dice.between(1, dice.percent(10) ? 20_000_000 : 2_000_000)));
  const wish = dice.weighted<Kind | 'wrong'>(
    client.type === 'user' ? (WISHES.user as never) : (WISHES.merchant as never),
  );

  const operation = (kind: Kind, body: Operation['body'], more: Partial<Operation> = {}): Operation => ({
    number,
    kind,
    client,
    // A key from the seed, as everything else, would be the same in two runs on one database.
    key: randomUUID(),
    body,
    mustBe: undefined,
    other: undefined,
    about: undefined,
    end: undefined,
    status: undefined,
    code: undefined,
    transaction: undefined,
    redirectUrl: undefined,
    wasUnknown: false,
    requests: 0,
    story: [],
    ...more,
  });
  const between = (kind: 'pay' | 'transfer' | 'hold', other: Client, much = amount(), mustBe?: string[]) =>
    operation(kind, { amount: much, to: to(other) }, { other, mustBe });
  const onReceived = (kind: 'refund' | 'capture' | 'void', isHold: boolean): Operation => {
    const found = client.received.filter((each) => each.isHold === isHold);
    if (found.length === 0) return between('pay', anybody());
    const { transaction, payer } = latest(found, dice);
    const part = dice.percent(50) && kind !== 'void' ? { amount: partOf(transaction.amount, dice) } : {};
    const named = dice.oneOf([transaction.transaction_id, transaction.operation_id]);
    return operation(kind, { transaction_id: named, ...part }, { other: payer, about: transaction });
  };

  function wrong(): Operation {
    const found = client.received.length > 0 ? latest(client.received, dice) : undefined;
    const choices: (() => Operation)[] = [
      () => between('pay', anybody(), '990000000.00', ['insufficient_funds']),
      () => between('hold', merchant(), '990000000.00', ['insufficient_funds']),
      () => between('pay', client, amount(), ['cannot_pay_yourself']),
      () => between('transfer', merchant(), amount(), ['payee_not_a_person']),
      () => between('pay', anybody(), '0.00', ['invalid_request']),
      () => operation('pay', { amount: '1.00', to: { account_id: randomUUID() } }, { mustBe: ['payee_not_found'] }),
      () =>
        operation(
          'pay',
          { amount: '1.00', to: { account_id: dice.oneOf(unavailable) } },
          { mustBe: ['payee_unavailable'] },
        ),
      () => operation('refund', { transaction_id: randomUUID() }, { mustBe: ['transaction_not_found'] }),
    ];
    if (client.type === 'user') {
      const body = { amount: '45000000.00', payment_method: 'GOPAY' };
      choices.push(() => operation('topup', body, { mustBe: ['balance_limit_exceeded'] }));
    }
    if (found) {
      const { transaction, payer, isHold } = found;
      const body = { transaction_id: transaction.transaction_id, amount: '980000000.00' };
      const more = { other: payer, about: transaction };
      const ended = ['transaction_not_pending', 'hold_expired'];
      const mustBe = isHold ? ['capture_too_large', ...ended] : ['refund_too_large'];
      choices.push(() => operation(isHold ? 'capture' : 'refund', body, { ...more, mustBe }));
    }
    return dice.oneOf(choices)();
  }

  switch (wish) {
    case 'wrong':
      return wrong();
    case 'pay':
      return between('pay', anybody());
    case 'transfer':
      return between('transfer', people());
    case 'hold':
      return between('hold', merchant());
    case 'topup':
      return operation('topup', { amount: `${dice.between(1, 30)}0000.00`, payment_method: 'GOPAY' });
    case 'refund':
      return onReceived('refund', false);
    case 'cancel': {
      const topup = client.topups.at(-1);
      if (!topup) return between('pay', anybody());
      return operation('cancel', { transaction_id: topup.transaction_id }, { about: topup });
    }
    default:
      return onReceived(wish, true);
  }
}

/** What clients know after an end, and may want next. */
export function learn(operation: Operation): void {
  const { kind, client, other, about, transaction, end } = operation;
  if (!transaction || end === 'refused') return;
  if (kind === 'pay' || kind === 'hold') other?.received.push({ transaction, payer: client, isHold: kind === 'hold' });
  if (kind === 'topup') client.topups.push(transaction);
  if (kind === 'capture' && other) client.received.push({ transaction, payer: other, isHold: false });
  // A repeated capture must be refused, so the hold stays in a few merchants' lists.
  if ((kind === 'capture' || kind === 'void') && operation.number % 4 !== 0)
    client.received = client.received.filter((each) => each.transaction !== about);
}

/** One of the last few: recent payments are refunded more often than old ones. */
function latest(found: readonly Received[], dice: Dice): Received {
  return dice.oneOf(found.slice(-6));
}

function partOf(amount: string, dice: Dice): string {
  const part = (parseAmount(amount) * BigInt(dice.between(5, 95))) / 100n;
  return formatAmount(part > 0n ? part : 1n);
}
