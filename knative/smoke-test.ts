// node knative/smoke-test.ts <address>: checks a platform through its gateway, as its users see it: reads the keys of
// tokens and the API document, then pays one rupiah from one smoke account to the other and reads it back. Exits with 1
// and a sentence when something is wrong. knative/deploy.sh runs it after each deployment; it works against `make up`,
// too.
//   SMOKE_ACCOUNTS='{"<username>":"<password>","<username>":"<password>"}'    two accounts, at least one of them with money
// The fuller account pays, so that the same rupiah goes to and fro. Without SMOKE_ACCOUNTS it pays nothing, and says
// so.

import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/** A function may have to start first. */
const PATIENCE_MS = 30_000;
const TRIES = 3;
const PAUSE_MS = 2_000;
const AMOUNT = '1';

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
  body: any;
}

interface Transaction {
  transaction_id: string;
  operation_id: string;
  status: string;
  direction: string;
  amount: string;
}

class Failure extends Error {}

const address = process.argv[2]?.replace(/\/+$/, '');
if (!address || !URL.canParse(address)) {
  process.stderr.write('Which platform? node knative/smoke-test.ts https://api.one-gate.example\n');
  process.exit(64);
}
try {
  process.stdout.write(`${await test(accountsFrom(process.env['SMOKE_ACCOUNTS']))}\n`);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`The smoke test has failed: ${error.message}\n`);
  process.exit(1);
}

async function test(accounts: [identifier: string, password: string][]): Promise<string> {
  await ask('GET', '/.well-known/jwks.json', 200);
  await ask('GET', '/v1/openapi.json', 200);
  if (accounts.length === 0) return 'It answers. Nothing was paid: SMOKE_ACCOUNTS is not set.';
  const [one, other] = await Promise.all(accounts.map(([identifier, password]) => logIn(identifier, password)));
  if (!one || !other) throw new Failure('SMOKE_ACCOUNTS must hold two accounts.');
  const [payer, payee] = one.available >= other.available ? [one, other] : [other, one];
  if (payer.available < Number(AMOUNT)) {
    throw new Failure(`neither ${payer.username} nor ${payee.username} has a rupiah. Top one of them up.`);
  }
  const id = await pay(payer, payee);
  await Promise.all([payer, payee].map(({ token }) => ask('POST', '/v1/logout', 204, { token })));
  return `${payer.username} has paid ${payee.username} one rupiah (${id}); both have read it back.`;
}

interface Account {
  username: string;
  token: string;
  available: number;
}

async function logIn(identifier: string, password: string): Promise<Account> {
  const { body } = await ask('POST', '/v1/login', 200, { body: { identifier, password } });
  const token: string = body.data.access_token;
  const account = await ask('GET', '/v1/account', 200, { token });
  return { username: identifier, token, available: Number(account.body.data.account.available) };
}

/** Pays once, even if answers are lost; the same request again must get the first answer. */
async function pay(payer: Account, payee: Account): Promise<string> {
  const key = `smoke-${randomUUID()}`;
  const order = { amount: AMOUNT, to: { username: payee.username }, reference: key, description: 'Smoke test' };
  const send = () => ask('POST', '/v1/pay', 201, { token: payer.token, key, body: order });
  const paid: Transaction = (await send()).body.data.transaction;
  const again = await send();
  expectSame('the repeated payment', again.body.data.transaction.transaction_id, paid.transaction_id);
  expectSame('Idempotent-Replayed', again.headers.get('idempotent-replayed'), 'true');

  const ofPayer = await ask('GET', `/v1/transactions/${paid.transaction_id}`, 200, { token: payer.token });
  expectLeg(ofPayer.body.data.transaction, 'debit', paid.operation_id);
  const ofPayee = await ask('GET', `/v1/transactions?reference=${key}`, 200, { token: payee.token });
  expectSame('transactions that the payee reads', ofPayee.body.data.length, 1);
  expectLeg(ofPayee.body.data[0], 'credit', paid.operation_id);
  return paid.transaction_id;
}

function expectLeg(leg: Transaction, direction: string, operation: string): void {
  const read = `${leg.direction} ${leg.amount} ${leg.status} ${leg.operation_id}`;
  expectSame(`the ${direction}`, read, `${direction} ${AMOUNT}.00 SUCCESS ${operation}`);
}

function expectSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Failure(`${what} should be ${expected} and is ${found}.`);
}

/** Asks until an answer has this status, if the request may be sent again: during a deployment connections end. */
async function ask(
  method: 'GET' | 'POST',
  path: string,
  status: number,
  { token, key, body }: { token?: string; key?: string; body?: object } = {},
): Promise<Answer> {
  const request = {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { 'idempotency-key': key }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  };
  for (let left = TRIES - 1; ; left--) {
    const answer = await exchange(path, request);
    if (typeof answer !== 'string' && answer.status === status) return answer;
    const said = typeof answer === 'string' ? answer : `${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`;
    const mayPass = typeof answer === 'string' || answer.status >= 500 || answer.status === 409;
    if (left === 0 || !mayPass) throw new Failure(`${method} ${address}${path}: ${said}`);
    await delay(PAUSE_MS);
  }
}

/** The answer, or the reason why there is none. */
async function exchange(path: string, request: RequestInit): Promise<Answer | string> {
  try {
    const response = await fetch(`${address}${path}`, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error ? cause.message : message;
  }
}

function accountsFrom(setting: string | undefined): [string, string][] {
  if (!setting) return [];
  try {
    return Object.entries(JSON.parse(setting)).map(([identifier, password]) => [identifier, String(password)]);
  } catch {
    // The text holds passwords, and so would the parser's message.
    throw new Failure('SMOKE_ACCOUNTS is not a JSON object of usernames and passwords.');
  }
}
