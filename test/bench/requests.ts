// The payments of the load, as bytes. Everything but the key and the payee is laid out beforehand, so that a request costs the
// generator three copies.

import type { Person } from './tokens.ts';

export interface Requests {
  /** Writes the payment of one person to another into `target` and returns its length. `serial` makes its key. */
  write(target: Buffer, payer: number, payee: number, serial: number): number;
  /** No request is longer. */
  longest: number;
}

const AMOUNT = '10.00';
/** As long as the UUIDs that clients use. */
const KEY_DIGITS = 12;

/** Usernames must all be of one length: the body's length is written once. */
export function layOut(people: readonly Person[], tokens: readonly string[], seed: number): Requests {
  const keyStart = `bench-${seed.toString(16).padStart(8, '0')}-payment--`;
  const [before, after] = bodyAround(people);
  const size = before.length + (people[0]?.username.length ?? 0) + after.length;
  const heads = tokens.map((token) =>
    Buffer.from(
      'POST /v1/pay HTTP/1.1\r\nHost: pay.one-gate.svc.cluster.local\r\nUser-Agent: one-gate-bench\r\nAccept: application/json\r\n' +
        `Content-Type: application/json\r\nContent-Length: ${size}\r\nAuthorization: Bearer ${token}\r\n` +
        `Idempotency-Key: ${keyStart}`,
      'latin1',
    ),
  );
  const names = people.map(({ username }) => `\r\n\r\n${before}${username}${after}`);
  return {
    write: (target, payer, payee, serial) => {
      const head = heads[payer] as Buffer;
      target.set(head, 0);
      let length = head.length;
      length += target.write(serial.toString().padStart(KEY_DIGITS, '0'), length, 'latin1');
      length += target.write(names[payee] as string, length, 'latin1');
      return length;
    },
    longest: Math.max(...heads.map(({ length }) => length)) + KEY_DIGITS + 4 + size,
  };
}

function bodyAround(people: readonly Person[]): [before: string, after: string] {
  if (new Set(people.map(({ username }) => username.length)).size > 1) throw new Error('usernames differ in length');
  const [before = '', after = ''] = JSON.stringify({
    amount: AMOUNT,
    to: { username: '|' },
    description: 'Nasi goreng, satu porsi',
  }).split('|');
  return [before, after];
}
