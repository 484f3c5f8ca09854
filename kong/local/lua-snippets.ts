// The Lua of kong.yaml, again in TypeScript, found by the name in its first line. test/kong runs the Lua beside this
// and compares, so that the two cannot drift apart.

import { createHash, randomUUID } from 'node:crypto';
import { whereToLook } from '../../shared/platform/http/problem.ts';
import { type ProblemCode, problems } from '../../shared/platform/http/problems.ts';
import type { Answer, Exchange, Ground, Handler, HeaderValues } from './plugin.ts';

/** `lua` is the code itself, which holds the values that kong/render.ts has filled in. */
export type Snippet = (ground: Ground, lua: string) => Omit<Handler, 'priority'>;

const UNTRUSTED = new Set(['x-user-id', 'x-credential-identifier', 'x-anonymous-consumer']);
/** Names that Connection may hold. */
const OF_A_CONNECTION = new Set([
  ...['close', 'keep-alive', 'upgrade', 'te', 'trailer', 'http2-settings', 'proxy-connection', 'proxy-authorization'],
]);
/** Headers that are dropped whether Connection names them or not; Kong itself handles Upgrade. */
const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'http2-settings'],
]);
/** Headers that would tell which software answers. */
const TELLTALE = ['server', 'via', 'x-envoy-upstream-service-time'];

export const snippets: Readonly<Record<string, Snippet>> = {
  'refuse-connection-that-names-headers': () => ({
    access: ({ headers }) => {
      const named =
        joined(headers['connection'])
          .toLowerCase()
          .match(/[^ \t\r\n\v\f,]+/g) ?? [];
      return named.every((name) => OF_A_CONNECTION.has(name))
        ? undefined
        : { status: 400, body: '{"message":"Connection names a header that must stay"}' };
    },
  }),

  'strip-cloudevents-headers': () => ({
    access: ({ headers }) => strip(headers, (name) => name.startsWith('ce-')),
  }),

  'strip-identity-headers': () => ({
    access: ({ headers }) => strip(headers, (name) => name.startsWith('x-consumer-') || UNTRUSTED.has(name)),
  }),

  'prove-the-gateway': (_ground, lua) => {
    const proof = /"X-Gateway-Proof", "([^"]*)"/.exec(lua)?.[1] ?? '';
    return {
      access: ({ headers }) => {
        headers['x-gateway-proof'] = proof;
        return undefined;
      },
    };
  },

  'strip-hop-by-hop-headers': () => ({
    access: ({ headers }) => strip(headers, (name) => HOP_BY_HOP.has(name)),
  }),

  'drop-unusable-request-id': () => ({
    access: ({ headers }) => {
      const id = headers['x-request-id'];
      if (id !== undefined && (typeof id !== 'string' || !/^[\w.:-]{1,128}$/.test(id))) delete headers['x-request-id'];
      return undefined;
    },
  }),

  'refuse-cloudevents-media-types': () => ({
    access: ({ headers }) =>
      joined(headers['content-type']).toLowerCase().includes('application/cloudevents')
        ? { status: 415, body: '{"message":"CloudEvents are not accepted here"}' }
        : undefined,
  }),

  'name-the-user': () => ({
    access: ({ headers }) => {
      const payload = /^[Bb]earer\s+[^.]+\.([^.]+)\./.exec(joined(headers['authorization']))?.[1];
      const claims = payload ? Buffer.from(payload, 'base64url').toString('latin1') : '';
      const subject = /"sub"\s*:\s*"([A-Za-z0-9-]+)"/.exec(claims)?.[1];
      if (subject) headers['x-user-id'] = subject;
      return undefined;
    },
  }),

  'digest-the-api-key': () => ({
    access: ({ headers }) => {
      delete headers['x-api-key-digest'];
      const key = headers['x-api-key'];
      if (typeof key === 'string') {
        headers['x-api-key-digest'] = createHash('sha1').update(`one-gate-kong:${key}`, 'latin1').digest('hex');
      }
      return undefined;
    },
  }),

  'harden-answers': () => ({
    headerFilter(_exchange, { headers }) {
      headers['strict-transport-security'] = 'max-age=31536000; includeSubDomains';
      headers['x-content-type-options'] = 'nosniff';
      for (const name of TELLTALE) delete headers[name];
    },
  }),

  'answer-problems-head': () => ({
    headerFilter(exchange, answer) {
      const ours = answer.source !== 'service' && answer.status >= 400;
      const platforms =
        answer.status >= 502 && answer.status <= 504 && !joined(answer.headers['content-type']).includes('json');
      if (!ours && !platforms) return;
      exchange.problemId = joined(answer.headers['x-request-id']) || randomUUID().replaceAll('-', '');
      answer.headers['x-request-id'] = exchange.problemId;
      answer.headers['content-type'] = 'application/problem+json';
      answer.headers['cache-control'] = 'no-store';
      delete answer.headers['content-length'];
      if (answer.status === 503) answer.headers['retry-after'] = '1';
      else if (answer.status >= 500) answer.headers['retry-after'] = '5';
    },
  }),

  'answer-problems-body': (ground) => ({
    bodyFilter: (exchange, answer, said) => problemFor(exchange, answer, said, ground.publicUrl),
  }),
};

const CODES: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthorized',
  403: 'address_not_allowed',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  417: 'payload_too_large',
  429: 'rate_limited',
  502: 'bad_gateway',
  503: 'service_unavailable',
  504: 'gateway_timeout',
};

/** Paths whose callers have API keys instead of tokens. */
const REGULATORS_CODES: Readonly<Record<number, ProblemCode>> = { 401: 'api_key_required', 403: 'not_permitted' };

function problemFor(exchange: Exchange, { status, headers }: Answer, said: string, publicUrl: string): string {
  let code = CODES[status] ?? (status >= 500 ? 'internal_error' : 'malformed_request');
  if (status === 401 && said.includes('token expired')) code = 'token_expired';
  if (exchange.path.startsWith('/v1/regulator/')) code = REGULATORS_CODES[status] ?? code;
  const policy = status === 429 ? usedUp(headers) : undefined;
  const kind = problems[code];
  const key = exchange.headers['idempotency-key'];
  const outcome = status >= 500 && status !== 503 ? 'unknown' : 'failed';
  return JSON.stringify({
    type: `${publicUrl}/errors/${code}`,
    title: kind.title,
    status,
    code,
    detail: kind.advice,
    ...(policy && { policy }),
    ...(key !== undefined && { outcome, safe_to_retry: kind.safeToRetry }),
    ...(key !== undefined &&
      outcome === 'unknown' && {
        look_at: whereToLook(publicUrl, joined(key).replace(/^"(.*)"$/, '$1')),
        look_after_seconds: 5,
      }),
    request_id: exchange.problemId,
  });
}

/** The longest window that has nothing left. */
function usedUp(headers: HeaderValues): { name: string; limit: number; window_seconds: number } | undefined {
  const used = WINDOWS.find(([name]) => headers[`x-ratelimit-remaining-${name}`] === '0');
  if (!used) return undefined;
  const [name, window_seconds] = used;
  return { name, limit: Number(headers[`x-ratelimit-limit-${name}`]), window_seconds };
}

const WINDOWS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

function strip(headers: HeaderValues, unwanted: (name: string) => boolean): undefined {
  for (const name of Object.keys(headers)) if (unwanted(name)) delete headers[name];
}

function joined(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value ?? []).join(',');
}
