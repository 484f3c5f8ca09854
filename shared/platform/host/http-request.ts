// One HTTP request, from the first header to the last byte of the answer.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access, FunctionDeclaration, Headers, Reply } from '../http/function.ts';
import { idempotencyOf } from '../http/idempotency.ts';
import { Problem } from '../http/problem.ts';
import { problems } from '../http/problems.ts';
import { log } from '../telemetry/log.ts';
import { startTrace, type Trace } from '../telemetry/trace.ts';
import { parseJson, readBody, requirePlainJson } from './body.ts';
import { check, parseIdempotencyKey, parseQuery } from './input.ts';
import { type Delivery, problemCodeOf, statusOf, writeProblem, writeReply } from './reply.ts';
import type { Place } from './route.ts';

const REQUEST_ID = /^[\w.:-]{1,128}$/;

export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
export type HttpAnswer = (request: IncomingMessage, response: ServerResponse, place: Place) => Promise<void>;

/** Makes the listener for the function's HTTP requests. It never rejects and always answers. */
export function httpAnswer(declaration: FunctionDeclaration): HttpAnswer {
  const http = declaration.http;
  const aboutMoney = http?.idempotencyKey === true;

  return async (request, response, place) => {
    const requestId = requestIdOf(request.headers);
    const delivery: Delivery = { response, requestId, aboutMoney };
    const trace = startTrace(declaration.name, first(request.headers.traceparent));
    const found: Found = {};
    let outcome = await outcomeOf(() => handle(request, delivery, trace, place, found));
    if (http?.beforeAnswer) outcome = await tellOf(outcome, http.beforeAnswer, http.status, request, found.caller);
    let status: number;
    if ('reply' in outcome) {
      status = writeReply(delivery, outcome.reply, http?.status ?? 200, found.headers);
    } else {
      const { error } = outcome;
      if (!(error instanceof Problem))
        log.error({ error, function: declaration.name, requestId, traceId: trace.traceId });
      // The rest of an unread body would be taken for the next request.
      if (!request.complete) response.setHeader('connection', 'close');
      status = writeProblem(delivery, error, found.headers);
      if (!request.complete) request.resume();
    }
    trace.end({ 'http.response.status_code': status });
  };

  async function handle(
    request: IncomingMessage,
    delivery: Delivery,
    trace: Trace,
    place: Place,
    found: Found,
  ): Promise<Reply<unknown>> {
    const { headers } = request;
    const url = request.url ?? '/';
    refuseCloudEvents(request);
    if (place.problem) throw place.problem;
    if (!http) throw new Problem('not_found');
    const [, search] = splitUrl(url);
    const identified = http.caller.identify(headers, aboutMoney);
    const caller = identified instanceof Promise ? await identified : identified;
    found.caller = caller;
    if (http.caller.admit) found.headers = await http.caller.admit(caller, headers);
    const idempotencyKey = aboutMoney ? parseIdempotencyKey(headers['idempotency-key'], request.rawHeaders) : '';
    delivery.idempotencyKey = idempotencyKey;
    const query = http.query ? check(http.query, parseQuery(search), 'query') : undefined;
    const pathValues = http.path ? check(http.path, decode(place.values), 'path') : undefined;
    const rawBody = isBodyless(request) ? Buffer.alloc(0) : await readBody(request);
    let sent: unknown;
    if (http.body) {
      requirePlainJson(headers['content-type'], headers['content-encoding']);
      sent = parseJson(rawBody, aboutMoney);
    }
    const body = http.body && check(http.body, sent, '');
    const idempotency = idempotencyOf(declaration.name, idempotencyKey, http.body, sent, body);
    const id = delivery.requestId;
    return http.handle({ id, caller, body, query, path: pathValues, headers, rawBody, url, idempotency, trace });
  }
}

type Outcome = { reply: Reply<unknown> } | { error: unknown };

/** The facts about a request so far, for its answer. */
interface Found {
  caller?: unknown;
  headers?: Record<string, string>;
}

async function outcomeOf(story: () => Promise<Reply<unknown>>): Promise<Outcome> {
  try {
    return { reply: await story() };
  } catch (error) {
    return { error };
  }
}

async function tellOf(
  outcome: Outcome,
  beforeAnswer: (access: Access) => Promise<void>,
  declaredStatus: number,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  caller: unknown,
): Promise<Outcome> {
  const said =
    'reply' in outcome
      ? { status: statusOf(outcome.reply, declaredStatus) }
      : { status: problems[problemCodeOf(outcome.error)].status, problem: problemCodeOf(outcome.error) };
  try {
    await beforeAnswer({ method, url, headers, caller, ...said });
    return outcome;
  } catch (error) {
    return { error };
  }
}

/** The caller's own id if it has the right form, so that its logs and ours can be joined. */
export function requestIdOf(headers: Headers): string {
  const given = first(headers['x-request-id']);
  return given && REQUEST_ID.test(given) ? given : randomUUID();
}

export function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

// A caller from outside must never pass for an event.
function refuseCloudEvents(request: IncomingMessage): void {
  if (request.headers['content-type']?.toLowerCase().includes('application/cloudevents')) {
    throw new Problem('unsupported_media_type');
  }
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.slice(0, 3).toLowerCase() === 'ce-') throw new Problem('cloudevent_refused');
  }
}

function isBodyless({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

export function splitUrl(url: string): [path: string, search: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function decode(encoded: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(encoded).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new Problem('not_found');
  }
}
