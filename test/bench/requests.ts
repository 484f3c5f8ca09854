// The requests of the load, as bytes. Everything but the key and the body is laid out beforehand, so that a request costs the generator
// three copies.

export type FunctionName = 'pay' | 'transfer' | 'refund';

export interface Requests {
  /** Writes a request of one person, with one of the bodies, into `target` and returns its length. `serial` makes its key. */
  write(target: Buffer, caller: number, body: number, serial: number): number;
  /** No request is longer. */
  longest: number;
}

/** Small enough that who is given most stays below the limits on unverified people: they begin at half of what they may have. */
const AMOUNT = '1.00';
/** As long as the UUIDs that clients use, together with what stands before it. */
const SERIAL_DIGITS = 12;

/** `bodies` are of one length; `seed` becomes a part of every key. */
export function layOut(
  name: FunctionName,
  bodies: readonly string[],
  tokens: readonly string[],
  seed: number,
): Requests {
  const keyStart = `bench-${seed.toString(16).padStart(8, '0')}-request--`;
  const ends = bodies.map((body) => `\r\n\r\n${body}`);
  const heads = tokens.map((token) =>
    Buffer.from(
      `POST /v1/${name} HTTP/1.1\r\nHost: ${name}.one-gate.svc.cluster.local\r\nUser-Agent: one-gate-bench\r\n` +
        `Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${bodies[0]?.length}\r\n` +
        `Authorization: Bearer ${token}\r\nIdempotency-Key: ${keyStart}`,
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
  };
}

/** Of a payment or a transfer: what an app sends once find-payee has told it the account. */
export function bodyTo(accountId: string): string {
  return JSON.stringify({ amount: AMOUNT, to: { account_id: accountId }, description: 'Nasi goreng, satu porsi' });
}

/** Of a refund: a part of the payment, again and again. */
export function bodyBack(operationId: string): string {
  return JSON.stringify({ transaction_id: operationId, amount: AMOUNT, reason: 'Kerupuk habis' });
}
