// Writes answers: our envelope for successes, problem+json for refusals.

import type { ServerResponse } from 'node:http';
import { publicUrl } from '../environment.ts';
import type { Reply } from '../http/function.ts';
import { Problem, type ProblemDetails, problemBody, problemHeaders } from '../http/problem.ts';
import { type ProblemCode, problems } from '../http/problems.ts';

const PROBLEM_JSON = 'application/problem+json';

export interface Delivery {
  response: ServerResponse;
  requestId: string;
  /** Answers to requests about money say whether it moved. */
  aboutMoney: boolean;
  /** As soon as it is known, of a request about money. */
  idempotencyKey?: string;
}

export function writeReply(delivery: Delivery, reply: Reply<unknown>, declaredStatus: number): number {
  if ('raw' in reply)
    return write(delivery, reply.status ?? declaredStatus, reply.contentType, reply.raw, reply.headers);
  if ('kept' in reply) {
    const { status, body } = reply.kept;
    const headers = reply.replayed ? { ...reply.headers, 'idempotent-replayed': 'true' } : reply.headers;
    if (status >= 400) return writeKeptProblem(delivery, status, body, headers);
    return write(delivery, status, 'application/json', envelope(delivery, status, body), headers);
  }
  const status = reply.status ?? declaredStatus;
  if (status === 204) return write(delivery, status, undefined, '', reply.headers);
  const page = reply.nextCursor === undefined ? '' : `"next_cursor":${JSON.stringify(reply.nextCursor)},`;
  return write(
    delivery,
    status,
    'application/json',
    envelope(delivery, status, JSON.stringify(reply.data), page),
    reply.headers,
  );
}

/** A Problem as it is; anything else that was thrown tells the caller nothing but that it is our fault. */
export function writeProblem(delivery: Delivery, error: unknown): number {
  const [code, thrown] = asProblem(error);
  const { aboutMoney, idempotencyKey } = delivery;
  const details = aboutMoney && idempotencyKey ? { ...thrown, idempotencyKey } : thrown;
  const body = problemBody(publicUrl(), code, details, aboutMoney);
  return writeKeptProblem(delivery, problems[code].status, body, problemHeaders(details));
}

function asProblem(error: unknown): [ProblemCode, ProblemDetails] {
  if (error instanceof Problem) return [error.code, error.details];
  // Whatever broke, it may have broken after the commit.
  return ['internal_error', { outcome: 'unknown' }];
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
  // Sending it again is always safe: the key has its answer.
  const money = aboutMoney ? `"outcome":"${status === 202 ? 'pending' : 'succeeded'}","safe_to_retry":true,` : '';
  return `{"data":${data},${page}${money}"request_id":${JSON.stringify(requestId)},"timestamp":"${new Date().toISOString()}"}`;
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
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    ...headers,
  });
  response.end(body);
  return status;
}
