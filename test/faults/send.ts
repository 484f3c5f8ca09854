// One operation to its end, as a careful client does it: with the same key until it knows the end, sometimes at another
// instance, sometimes twice at once, sometimes by asking for the result of the key.

import { setTimeout as delay } from 'node:timers/promises';
import { type Agent, request } from 'undici';
import type { Operation, ToldTransaction } from './books.ts';
import type { Functions, Instance } from './functions.ts';
import type { Dice } from './random.ts';

export interface Counter {
  functions: Functions;
  http: Agent;
  /** Seconds since the run began, for stories. */
  clock(): string;
  /** Answers that no client should ever see. */
  surprise(operation: Operation, what: string): void;
}

/** After these the client pauses; the operation is asked about when the faults are over. */
const MOST_TURNS = 40;
const PATIENCE_MS = 15_000;
const SENT_TWICE_PERCENT = 4;
const ASKS_PERCENT = 30;
const GIVES_UP_PERCENT = 15;

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every function.
  body: any;
}

/** Sends the operation until its end is known; `mayGiveUp`: a client may also walk away from "failed". */
export async function carryOut(operation: Operation, counter: Counter, dice: Dice, mayGiveUp = true): Promise<void> {
  for (let turn = 1; turn <= MOST_TURNS && !operation.end; turn++) {
    if (operation.wasUnknown && dice.percent(ASKS_PERCENT)) await ask(operation, counter, dice);
    if (operation.end) return;
    const twice = dice.percent(SENT_TWICE_PERCENT);
    const instances = Array.from({ length: twice ? 2 : 1 }, () => dice.oneOf(counter.functions.of(operation.kind)));
    const answers = await Promise.all(instances.map((instance) => send(operation, instance, counter)));
    for (const answer of answers) take(operation, answer, counter);
    if (operation.end) return;
    // No other request was ever sent with this key: "failed" is the whole truth about it.
    if (mayGiveUp && operation.requests === 1 && !operation.wasUnknown && dice.percent(GIVES_UP_PERCENT)) {
      operation.end = 'given_up';
      operation.story.push(`${counter.clock()} the client walks away`);
      return;
    }
    await delay(Math.min(1000, 20 * 2 ** turn) * (0.5 + dice.between(0, 100) / 100));
  }
}

/** Asks for the result of the key, and ends the operation if it is known. */
export async function ask(operation: Operation, counter: Counter, dice: Dice): Promise<Answer | 'lost'> {
  const instance = dice.oneOf(counter.functions.of('get-idempotency-key'));
  const path = `/v1/idempotency-keys/${operation.key}`;
  const answer = await call(
    instance,
    'GET',
    path,
    { authorization: `Bearer ${operation.client.token}` },
    undefined,
    counter,
  );
  operation.story.push(`${counter.clock()} asks ${instance.name}: ${inWords(answer)}`);
  if (answer === 'lost' || answer.status !== 200 || answer.body.data.state !== 'completed') return answer;
  const { status, transaction } = answer.body.data;
  if (!operation.end) close(operation, status, { data: { transaction } }, 'asked', counter);
  return answer;
}

/** The same key with another request: must be refused, and change nothing. */
export async function reuseKey(operation: Operation, counter: Counter, dice: Dice): Promise<void> {
  const instance = dice.oneOf(counter.functions.of(operation.kind));
  const answer = await post(operation, { ...operation.body, amount: '1.23' }, instance, counter);
  operation.story.push(`${counter.clock()} the key for another amount at ${instance.name}: ${inWords(answer)}`);
  if (answer === 'lost' || answer.status >= 500 || answer.body.code === 'request_in_progress') return;
  if (answer.status === 422 && answer.body.code === 'idempotency_key_reused') return;
  counter.surprise(operation, `its key was taken for another request: ${inWords(answer)}`);
}

async function send(operation: Operation, instance: Instance, counter: Counter): Promise<Answer | 'lost'> {
  operation.requests++;
  const answer = await post(operation, operation.body, instance, counter);
  operation.story.push(`${counter.clock()} ${instance.name}: ${inWords(answer)}`);
  return answer;
}

function post(operation: Operation, body: object, instance: Instance, counter: Counter): Promise<Answer | 'lost'> {
  const headers = {
    authorization: `Bearer ${operation.client.token}`,
    'idempotency-key': operation.key,
    'content-type': 'application/json',
  };
  return call(instance, 'POST', `/v1/${operation.kind}`, headers, JSON.stringify(body), counter);
}

async function call(
  instance: Instance,
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string>,
  body: string | undefined,
  { http }: Counter,
): Promise<Answer | 'lost'> {
  try {
    const url = `http://127.0.0.1:${instance.front.port}${path}`;
    const answer = await request(url, {
      dispatcher: http,
      method,
      headers,
      ...(body !== undefined && { body }),
      headersTimeout: PATIENCE_MS,
      bodyTimeout: PATIENCE_MS,
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  } catch {
    return 'lost';
  }
}

function take(operation: Operation, answer: Answer | 'lost', counter: Counter): void {
  if (answer === 'lost') {
    operation.wasUnknown = true;
    return;
  }
  const { status, body } = answer;
  const isPassing = status >= 500 || status === 408 || status === 429 || body.code === 'request_in_progress';
  if (!isPassing) {
    close(operation, status, body, body.code, counter);
    return;
  }
  if (body.outcome === 'unknown') operation.wasUnknown = true;
  if (body.safe_to_retry !== true)
    counter.surprise(operation, `${status} ${body.code} does not say that it is safe to retry`);
  if (body.outcome !== 'unknown' && body.outcome !== 'failed')
    counter.surprise(operation, `${status} ${body.code} has the outcome ${body.outcome}`);
}

/** The end is known. A second answer must tell the same. */
function close(
  operation: Operation,
  status: number,
  body: { data?: { transaction?: ToldTransaction; redirect_url?: string | null } },
  code: string | undefined,
  counter: Counter,
): void {
  const transaction = status < 400 ? body.data?.transaction : undefined;
  if (operation.end) {
    const before = operation.transaction?.operation_id;
    if (status !== operation.status || transaction?.operation_id !== before)
      counter.surprise(
        operation,
        `it was told ${operation.status} (${before}) and ${status} (${transaction?.operation_id})`,
      );
    return;
  }
  operation.status = status;
  operation.code = code;
  operation.transaction = transaction;
  operation.redirectUrl = body.data?.redirect_url ?? undefined;
  operation.end = status >= 400 ? 'refused' : status === 202 ? 'pending' : 'succeeded';
  if (status < 400 && !transaction) counter.surprise(operation, `${status} without a transaction`);
  if (status === 400 || status === 401) counter.surprise(operation, `it was refused with ${status} ${code}`);
  if (operation.mustBe && (status < 400 || (code !== 'asked' && !operation.mustBe.includes(code ?? ''))))
    counter.surprise(operation, `it ended with ${status} ${code}, not with ${operation.mustBe.join(' or ')}`);
}

function inWords(answer: Answer | 'lost'): string {
  if (answer === 'lost') return 'no answer';
  const { status, body } = answer;
  const told = body.data?.transaction;
  const more = [
    body.code,
    body.outcome,
    body.data?.state,
    body.data?.status,
    told && `${told.operation_id} ${told.status} ${told.amount}`,
  ];
  return [status, ...more.filter(Boolean)].join(' ');
}
