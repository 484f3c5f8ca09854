// Routes each request: to the API, the payer's pages, or a test's control.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';
import { jakartaTime } from './clock.ts';
import { type ControlParts, control } from './control.ts';
import { listPage, messagePage, pageHeaders, payerPage } from './pages.ts';
import { isOpen, type Payment } from './payments.ts';
import type { ApiAnswer } from './refusal.ts';
import { type Fault, nextFault } from './settings.ts';

const BODY_LIMIT = 64 * 1024;

export interface RequestParts extends ControlParts {
  merchantName: string;
}

export async function handleRequest(
  parts: RequestParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const target = request.url ?? '/';
    const { pathname } = new URL(target, 'http://simulator');
    const rawBody = await readBody(request);
    if (rawBody === undefined) return plain(response.setHeader('connection', 'close'), 413, 'too large');
    const service = parts.api.serviceOf(pathname);
    if (service && request.method === 'POST') return await answerApi(parts, service, request, rawBody, response);
    if (pathname.startsWith('/__sim/')) return await answerControl(parts, request, pathname, rawBody, response);
    if (pathname === '/health') return plain(response, 200, 'ok');
    answerPage(parts, request, pathname, response);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    if (response.headersSent) response.destroy();
    else plain(response, 500, 'the simulator has a bug; its log says more');
  }
}

async function answerApi(
  { api, books, settings, notifications }: RequestParts,
  service: string,
  request: IncomingMessage,
  rawBody: string,
  response: ServerResponse,
): Promise<void> {
  const fault = nextFault(settings, service);
  const call = { method: 'POST', path: request.url as string, headers: request.headers, rawBody };
  const answer: ApiAnswer = fault?.process === false ? unprocessed(service) : api.answer(service, call);
  if (fault?.pay) {
    const payment = books.byExternalId(String(request.headers['x-external-id']));
    if (payment && books.move(payment, 'paid')) notifications.announce(payment);
  }
  if (fault) await wait(fault.delayMs, undefined, { ref: false });
  writeApiAnswer(response, answer, fault?.answer ?? 'normal', jakartaTime(books.clock.now()));
}

function unprocessed(service: string): ApiAnswer {
  return { status: 500, body: { responseCode: `500${service}00`, responseMessage: 'General Error' } };
}

function writeApiAnswer(response: ServerResponse, answer: ApiAnswer, forced: Fault['answer'], time: string): void {
  response.setHeader('x-timestamp', time);
  if (forced === 'drop') response.destroy();
  else if (forced === 'garbage') plain(response, 502, '<html><h1>502 Bad Gateway</h1></html>');
  else if (forced === 'normal') json(response, answer.status, answer.body);
  else {
    const { httpStatus, ...body } = forced;
    json(response, httpStatus, body);
  }
}

async function answerControl(
  parts: RequestParts,
  request: IncomingMessage,
  pathname: string,
  rawBody: string,
  response: ServerResponse,
): Promise<void> {
  // A page elsewhere can make a browser post a form here, but not JSON.
  if (request.method !== 'GET' && request.headers['content-type'] !== 'application/json') {
    return json(response, 415, { error: 'the content type must be application/json' });
  }
  try {
    const answer = await control(parts, request.method ?? 'GET', pathname, rawBody === '' ? {} : JSON.parse(rawBody));
    json(response, answer.status, answer.body);
  } catch (error) {
    if (!(error instanceof v.ValiError || error instanceof SyntaxError)) throw error;
    json(response, 400, { error: error.message });
  }
}

function answerPage(parts: RequestParts, request: IncomingMessage, pathname: string, response: ServerResponse): void {
  const { books, merchantName } = parts;
  const nonce = randomBytes(16).toString('base64');
  const page = (status: number, html: string) => response.writeHead(status, pageHeaders(nonce)).end(html);
  const [, app, token, verb] = pathname.split('/');
  if (pathname === '/' && isRead(request)) {
    return void page(200, listPage(books.payments().reverse().slice(0, 200), books.deliveries, merchantName, nonce));
  }
  const payment = app === 'app' && token ? books.byPage(token) : undefined;
  if (!payment) return void page(404, messagePage('Not found', 'There is no such page or payment.', nonce));
  if (verb === undefined && isRead(request)) {
    books.move(payment, 'pending');
    return void page(200, payerPage(payment, merchantName, nonce));
  }
  if (request.method !== 'POST' || (verb !== 'pay' && verb !== 'cancel')) {
    return void page(405, messagePage('Not possible', 'This page cannot be used like that.', nonce));
  }
  const notice = decide(parts, request, payment, verb);
  if (notice) return void page(409, payerPage(payment, merchantName, nonce, notice));
  response.writeHead(303, { location: `/app/${payment.pageToken}` }).end();
}

/** The effect of the payer's button; a sentence when the payment's state forbids it. */
function decide(parts: RequestParts, request: IncomingMessage, payment: Payment, verb: 'pay' | 'cancel') {
  const { books, settings, notifications } = parts;
  if (request.headers['sec-fetch-site'] === 'cross-site') return 'Please use the buttons on this page.';
  if (books.expire(payment)) notifications.announce(payment);
  if (verb === 'pay' && isOpen(payment) && rupiahOf(payment.amount.value) > rupiahOf(settings.balance)) {
    return 'Your GoPay balance is too low for this payment.';
  }
  if (!books.move(payment, verb === 'pay' ? 'paid' : 'cancelled')) return 'This payment can no longer be changed.';
  notifications.announce(payment);
  return undefined;
}

function rupiahOf(value: string): bigint {
  return BigInt(value.split('.')[0] as string);
}

function isRead(request: IncomingMessage): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

/** Undefined when it is larger than any request of a merchant. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
  }
  return size > BODY_LIMIT ? undefined : Buffer.concat(chunks).toString('utf8');
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
