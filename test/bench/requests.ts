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
/** As long as the UUIDs that clients use, together with what stands before it. */
const SERIAL_DIGITS = 12;

/** `tokens` and `people` in the same order; `seed` becomes a part of every key. */
export function layOut(people: readonly Person[], tokens: readonly string[], seed: number): Requests {
  const keyStart = `bench-${seed.toString(16).padStart(8, '0')}-payment--`;
  const ends = people.map(({ accountId }) => `\r\n\r\n${bodyTo(accountId)}`);
  const bodySize = bodyTo(people[0]?.accountId ?? '').length;
  const heads = tokens.map((token) =>
    Buffer.from(
      'POST /v1/pay HTTP/1.1\r\nHost: pay.one-gate.svc.cluster.local\r\nUser-Agent: one-gate-bench\r\nAccept: application/json\r\n' +
        `Content-Type: application/json\r\nContent-Length: ${bodySize}\r\nAuthorization: Bearer ${token}\r\n` +
        `Idempotency-Key: ${keyStart}`,
      'latin1',
    ),
  );

  function write(target: Buffer, payer: number, payee: number, serial: number): number {
    const head = heads[payer] as Buffer;
    target.set(head, 0);
    let length = head.length;
    length += target.write(serial.toString().padStart(SERIAL_DIGITS, '0'), length, 'latin1');
    length += target.write(ends[payee] as string, length, 'latin1');
    return length;
  }

  return {
    write,
    longest: Math.max(...heads.map(({ length }) => length)) + SERIAL_DIGITS + (ends[0]?.length ?? 0),
  };
}

// What an app sends once find-payee has told it the account.
function bodyTo(accountId: string): string {
  return JSON.stringify({ amount: AMOUNT, to: { account_id: accountId }, description: 'Nasi goreng, satu porsi' });
}
