// Writes answers: our envelope for successes, problem+json for refusals.

import type { ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { publicUrl } from '../environment.ts';
import type { Reply } from '../http/function.ts';
import { Problem, type ProblemDetails, problemBody, problemHeaders } from '../http/problem.ts';
import { type ProblemCode, problems } from '../http/problems.ts';
import { log } from '../telemetry/log.ts';

const PROBLEM_JSON = 'application/problem+json';

export interface Delivery {
  response: ServerResponse;
  requestId: string;
  /** Answers to requests about money carry `outcome` and `safe_to_retry`. */
  aboutMoney: boolean;
  /** Set as soon as it is known, for a request about money. */
  idempotencyKey?: string;
}

/** The status of a reply. */
export function statusOf(reply: Reply<unknown>, declaredStatus: number): number {
  return 'kept' in reply ? reply.kept.status : (reply.status ?? declaredStatus);
}

/** `further`: headers beside the reply's own. */
export function writeReply(
  delivery: Delivery,
  reply: Reply<unknown>,
  declaredStatus: number,
  further?: Record<string, string>,
): number {
  const status = statusOf(reply, declaredStatus);
  const headers = { ...further, ...reply.headers };
  if ('raw' in reply) {
    const { raw, contentType } = reply;
    if (typeof raw === 'string' || Buffer.isBuffer(raw)) return write(delivery, status, contentType, raw, headers);
    return stream(delivery, status, contentType, raw, headers);
  }
  if ('kept' in reply) {
    const { body } = reply.kept;
    const marked = reply.replayed ? { ...headers, 'idempotent-replayed': 'true' } : headers;
    if (status >= 400) return writeKeptProblem(delivery, status, body, marked);
    return write(delivery, status, 'application/json', envelope(delivery, status, body), marked);
  }
  if (status === 204) return write(delivery, status, undefined, '', headers);
  const page = reply.nextCursor === undefined ? '' : `"next_cursor":${JSON.stringify(reply.nextCursor)},`;
  const body = envelope(delivery, status, JSON.stringify(reply.data), page);
  return write(delivery, status, 'application/json', body, headers);
}

/** Writes a Problem as it is. Any other error becomes a bare internal_error, which tells the caller nothing. */
export function writeProblem(delivery: Delivery, error: unknown, further?: Record<string, string>): number {
  const code = problemCodeOf(error);
  // The error may have come after the commit.
  const thrown: ProblemDetails = error instanceof Problem ? error.details : { outcome: 'unknown' };
  const { aboutMoney, idempotencyKey } = delivery;
  const details = aboutMoney && idempotencyKey ? { ...thrown, idempotencyKey } : thrown;
  const body = problemBody(publicUrl(), code, details, aboutMoney);
  return writeKeptProblem(delivery, problems[code].status, body, { ...further, ...problemHeaders(details) });
}

export function problemCodeOf(error: unknown): ProblemCode {
  return error instanceof Problem ? error.code : 'internal_error';
}

function writeKeptProblem(
  delivery: Delivery,
  status: number,
  body: string,
  headers: Record<string, string> | undefined,
) {
  return write(
    delivery,
    status,
    PROBLEM_JSON,
    `${body.slice(0, -1)},"request_id":${JSON.stringify(delivery.requestId)}}`,
    headers,
  );
}

function envelope({ requestId, aboutMoney }: Delivery, status: number, data: string, page = ''): string {
  // Repeating is always safe, because the key has its answer.
  const money = aboutMoney ? `"outcome":"${status === 202 ? 'pending' : 'succeeded'}","safe_to_retry":true,` : '';
  return `{"data":${data},${page}${money}"request_id":${JSON.stringify(requestId)},"timestamp":"${new Date().toISOString()}"}`;
}

function stream(
  { response, requestId }: Delivery,
  status: number,
  contentType: string,
  body: Readable,
  headers: Record<string, string> | undefined,
): number {
  response.writeHead(status, { 'content-type': contentType, ...commonHeaders(requestId), ...headers });
  if (response.req.method === 'HEAD') {
    body.destroy();
    response.end();
    return status;
  }
  pipeline(body, response, (error) => {
    // A caller that disconnects is not our failure.
    if (error && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') log.error({ error, requestId }, 'an answer broke off');
  });
  return status;
}

function commonHeaders(requestId: string): Record<string, string> {
  return { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId };
}

function write(
  { response, requestId }: Delivery,
  status: number,
  contentType: string | undefined,
  body: string | Buffer,
  headers: Record<string, string> | undefined,
): number {
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, {
    ...(contentType && { 'content-type': contentType, 'content-length': size }),
    ...commonHeaders(requestId),
    ...headers,
  });
  response.end(body);
  return status;
}
