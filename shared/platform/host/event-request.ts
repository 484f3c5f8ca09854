// One event, as a KafkaSource or PingSource posts it: binary or structured CloudEvent on a path that no gateway routes to.
// /events is for the function that takes events of that type; /events/<function> names it, as schedules must: theirs all have one type.
// 2xx: done with. 400, 403 (the sender has not proven itself), 410, 422: final, to the dead letters. Everything else is tried again.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CloudEventV1 } from 'cloudevents';
import type { EventTrigger, FunctionDeclaration } from '../http/function.ts';
import { Problem } from '../http/problem.ts';
import { HTTP } from '../packages/cloudevents.ts';
import { log } from '../telemetry/log.ts';
import { startTrace } from '../telemetry/trace.ts';
import { wake } from '../wake.ts';
import { readBody } from './body.ts';
import { first, requestIdOf } from './http-request.ts';
import { check } from './input.ts';
import { DEEPEST, isTooDeep } from './json-faults.ts';
import { writeProblem } from './reply.ts';
import { answerUnknownSender, type Senders } from './senders.ts';

/** Kafka's own limit for a message is 1 MB. */
const EVENT_LIMIT = 1024 * 1024;

export type EventAnswer = (request: IncomingMessage, response: ServerResponse, fromGateway: boolean) => Promise<void>;

export function eventAnswer(declarations: readonly FunctionDeclaration[], senders: Senders): EventAnswer {
  const takers = declarations.flatMap(({ name, event }) => (event ? [{ name, event }] : []));

  return async (request, response, fromGateway) => {
    const { headers } = request;
    const delivery = { response, requestId: requestIdOf(headers), aboutMoney: false };
    // A structured event bears its proof in the body, any other in a header.
    let fromSource = await senders.isSource(headers, headers['ce-sourceproof']);
    if (!fromGateway && !fromSource && !isStructured(headers)) return answerUnknownSender(request, delivery);
    let context: { function?: string; traceId?: string } = {};
    try {
      const addressed = takersAt(request.url ?? '', takers);
      if (request.method !== 'POST') throw new Problem('method_not_allowed', { headers: { allow: 'POST' } });
      const { sourceproof, ...event } = readEvent(request, await readBody(request, EVENT_LIMIT));
      fromSource ||= await senders.isSource(headers, sourceproof);
      if (!fromGateway && !fromSource) throw new Problem('sender_unknown');
      const taker = takerOf(event.type, addressed);
      if (taker.event.sender === 'gateway' ? !fromGateway : !fromSource) throw new Problem('sender_unknown');
      wake();
      context = { function: taker.name };
      const parent = typeof event['traceparent'] === 'string' ? event['traceparent'] : first(headers.traceparent);
      const trace = startTrace(taker.name, parent, 'consumer');
      context.traceId = trace.traceId;
      const { id, type, source, subject, data: received, ...extensions } = event;
      const data = check(taker.event.data, received ?? {}, '');
      await taker.event.handle({ id, type, source, subject, data, extensions }, trace);
      response.writeHead(204).end();
      trace.end({ 'http.response.status_code': 204 });
    } catch (error) {
      // A stranger is told nothing of what it has sent.
      if (!fromGateway && !fromSource) return answerUnknownSender(request, delivery);
      log.warn({ error, requestId: delivery.requestId, ...context });
      if (!request.complete) response.setHeader('connection', 'close');
      writeProblem(delivery, error);
    }
  };
}

function isStructured(headers: IncomingMessage['headers']): boolean {
  return headers['content-type']?.toLowerCase().startsWith('application/cloudevents') === true;
}

interface Taker {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as in FunctionDeclaration.
  event: EventTrigger<any>;
}

function takersAt(url: string, takers: readonly Taker[]): readonly Taker[] {
  const name = /^\/events\/([\w-]+)$/.exec(url)?.[1];
  const addressed = name === undefined ? takers : takers.filter((taker) => taker.name === name);
  if (addressed.length === 0 || (name === undefined && url !== '/events')) throw new Problem('not_found');
  return addressed;
}

function takerOf(type: string, takers: readonly Taker[]): Taker {
  const [taker, another] = takers.filter(({ event }) => event.types.includes(type));
  const types = takers.flatMap(({ event }) => event.types);
  if (!taker) throw unusable('type', `must be one of ${[...new Set(types)].join(', ')}`);
  if (another) throw unusable('type', `is taken by several functions here: post to /events/${taker.name}`);
  return taker;
}

function readEvent(request: IncomingMessage, body: Buffer) {
  const text = body.toString('utf8');
  if (isTooDeep(text)) throw unusable('', `must not be nested deeper than ${DEEPEST} levels`);
  let event: CloudEventV1<unknown> | CloudEventV1<unknown>[];
  try {
    event = HTTP.toEvent<unknown>({ headers: request.headers, body: text });
  } catch {
    throw unusable('', 'must be one CloudEvent 1.0, binary or structured');
  }
  if (Array.isArray(event)) throw unusable('', 'must be one CloudEvent, not a batch');
  if (!event.id || !event.type || !event.source) throw unusable('', 'must have id, type and source');
  return event;
}

function unusable(pointer: string, detail: string): Problem {
  return new Problem('invalid_request', { errors: [{ pointer: pointer && `/${pointer}`, detail }] });
}
