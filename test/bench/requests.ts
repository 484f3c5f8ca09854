// The requests of the load, as bytes. Everything but the key and the body is prepared, so that a request costs the
// generator three copies.

import type { Payment } from './payments.ts';
import type { Person } from './tokens.ts';

/** Functions that move money between wallets, whose books can be checked afterwards. */
export type FunctionName = 'pay' | 'transfer' | 'refund';

const ROUTES = {
  pay: 'POST /v1/pay',
  transfer: 'POST /v1/transfer',
  refund: 'POST /v1/refund',
  topup: 'POST /v1/topup',
  login: 'POST /v1/login',
  register: 'POST /v1/register',
  'get-account': 'GET /v1/account',
  'list-transactions': 'GET /v1/transactions',
  'find-payee': 'GET /v1/payees',
} as const;

/** The functions that the load can call. */
export type Asked = keyof typeof ROUTES;

export interface Requests {
  /** Writes a request of one person, with one of the bodies, into `target` and returns its length. `serial` makes its key. */
  write(target: Buffer, caller: number, body: number, serial: number): number;
  /** No request is longer. */
  longest: number;
  /** How many bodies there are; each person has one of her own where `own` says so. */
  bodies: number;
  own: boolean;
}

export interface Ground {
  people: readonly Person[];
  /** The payments that refunds give back. */
  payments: readonly Payment[];
  seed: number;
}

/**
 * Small enough that the most popular payee stays below the limits on unverified people: they begin at half of what they
 * may have.
 */
const AMOUNT = '1.00';
const TOPUP_AMOUNT = '10000.00';
/** The password of every user, in a run that lets them log in. */
export const PASSWORD = 'kuda putih di tepi danau';
/** As long as the UUIDs that clients use, together with what stands before it. */
const SERIAL_DIGITS = 12;
const NO_PAYMENT = '00000000-0000-7000-8000-000000000000';

/** `tokens` in the order of the people; bodies in that of the people they are for, or of the payments. `seed` becomes a part of every key. */
export function layOut(name: Asked, ground: Ground, tokens: readonly string[]): Requests {
  const keyStart = `bench-${ground.seed.toString(16).padStart(8, '0')}-request--`;
  const bodies = bodiesOf(name, ground);
  const length = bodies[0]?.length ?? 0;
  const about = length > 0 ? `Content-Type: application/json\r\nContent-Length: ${length}\r\n` : '';
  const ends = bodies.map((body) => `\r\n\r\n${body}`);
  const heads = tokens.map((token, caller) =>
    Buffer.from(
      `${ROUTES[name]}${queryOf(name, ground, caller)} HTTP/1.1\r\nHost: ${name}.one-gate.svc.cluster.local\r\n` +
        `User-Agent: one-gate-bench\r\nAccept: application/json\r\n${about}${whoAsks(name, token, caller)}Idempotency-Key: ${keyStart}`,
      'latin1',
    ),
  );

  function write(target: Buffer, caller: number, body: number, serial: number): number {
    const head = heads[caller] as Buffer;
    target.set(head, 0);
    let length = head.length;
    length += target.write(serial.toString().padStart(SERIAL_DIGITS, '0'), length, 'latin1');
    length += target.write(ends[body] as string, length, 'latin1');
    return length;
  }

  return {
    write,
    longest: Math.max(...heads.map(({ length }) => length)) + SERIAL_DIGITS + (ends[0]?.length ?? 0),
    bodies: bodies.length,
    own: name === 'login' || name === 'register',
  };
}

/** All of one length. */
function bodiesOf(name: Asked, { people, payments }: Ground): string[] {
  if (name === 'pay' || name === 'transfer') return people.map(({ accountId }) => bodyTo(accountId));
  if (name === 'refund') return [...payments.map(({ operationId }) => bodyBack(operationId)), bodyBack(NO_PAYMENT)];
  if (name === 'login')
    return people.map(({ username }) => JSON.stringify({ identifier: username, password: PASSWORD }));
  if (name === 'register') return people.map((_person, index) => JSON.stringify(newcomer(index)));
  if (name === 'topup') return [JSON.stringify({ amount: TOPUP_AMOUNT, payment_method: 'GOPAY' })];
  return [''];
}

/** A person who is not registered yet. */
function newcomer(index: number) {
  const number = String(index).padStart(8, '0');
  return {
    username: `newcomer_${number}`,
    email: `newcomer_${number}@example.com`,
    phone: `+62811${number}`,
    password: PASSWORD,
  };
}

/** The body of an app that knows the account from find-payee. */
function bodyTo(accountId: string): string {
  return JSON.stringify({ amount: AMOUNT, to: { account_id: accountId }, description: 'Nasi goreng, satu porsi' });
}

/** A part of the payment, again and again. */
function bodyBack(operationId: string): string {
  return JSON.stringify({ transaction_id: operationId, amount: AMOUNT, reason: 'Kerupuk habis' });
}

// Each person looks for the next one.
function queryOf(name: Asked, { people }: Ground, caller: number): string {
  return name === 'find-payee' ? `?username=${people[(caller + 1) % people.length]?.username}` : '';
}

// A person who logs in or registers has no token yet, and an address of her own: attempts are counted by it.
function whoAsks(name: Asked, token: string, caller: number): string {
  if (name !== 'login' && name !== 'register') return `Authorization: Bearer ${token}\r\n`;
  return `X-Real-IP: 10.${caller >> 16}.${(caller >> 8) & 255}.${caller & 255}\r\n`;
}
