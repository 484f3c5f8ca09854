// One event, as a KafkaSource or PingSource posts it: binary or structured CloudEvent on a path that no gateway routes to.
// 2xx: done with. 400, 410, 422: final, to the dead letters. Everything else is tried again.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CloudEventV1 } from 'cloudevents';
import type { FunctionDeclaration } from '../http/function.ts';
import { Problem } from '../http/problem.ts';
import { HTTP } from '../packages/cloudevents.ts';
import { log } from '../telemetry/log.ts';
import { startTrace } from '../telemetry/trace.ts';
import { readBody } from './body.ts';
import { type Answer, first, requestIdOf } from './http-request.ts';
import { check } from './input.ts';
import { writeProblem } from './reply.ts';

/** Kafka's own limit for a message is 1 MB. */
const EVENT_LIMIT = 1024 * 1024;

export function eventAnswer(declaration: FunctionDeclaration): Answer {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const delivery = { response, requestId: requestIdOf(request.headers), aboutMoney: false };
    let traceId: string | undefined;
    try {
      if (!declaration.event) throw new Problem('not_found');
      if (request.method !== 'POST') throw new Problem('method_not_allowed', { headers: { allow: 'POST' } });
      const event = readEvent(request, await readBody(request, EVENT_LIMIT));
      const { types, data, handle } = declaration.event;
      if (!types.includes(event.type)) throw unusable('type', `must be one of ${types.join(', ')}`);
      const parent =
        typeof event['traceparent'] === 'string' ? event['traceparent'] : first(request.headers.traceparent);
      const trace = startTrace(declaration.name, parent, 'consumer');
      traceId = trace.traceId;
      const { id, type, source, subject, data: received, ...extensions } = event;
      await handle({ id, type, source, subject, data: check(data, received ?? {}, ''), extensions }, trace);
      response.writeHead(204).end();
      trace.end({ 'http.response.status_code': 204 });
    } catch (error) {
      log.warn({ error, function: declaration.name, requestId: delivery.requestId, ...(traceId && { traceId }) });
      if (!request.complete) response.setHeader('connection', 'close');
      writeProblem(delivery, error);
    }
  };
}

function readEvent(request: IncomingMessage, body: Buffer) {
  let event: CloudEventV1<unknown> | CloudEventV1<unknown>[];
  try {
    event = HTTP.toEvent<unknown>({ headers: request.headers, body: body.toString('utf8') });
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
