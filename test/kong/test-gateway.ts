// The local gateway on the shipped configuration, with the test in the place of the functions.

import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { type JWTPayload, SignJWT } from 'jose';
import { type Gateway, startGateway } from '../../kong/local/gateway.ts';
import { type KongFiles, kongFiles, renderKong } from '../../kong/render.ts';
import { createTestRedis } from '../setup/redis.ts';

export const PUBLIC_URL = 'https://gate.example.test';

/** What functions know this gateway by. */
export const GATEWAY_PROOF = 'proof-of-a-gateway-that-is-tested-0123';

/** What regulators send as X-API-Key. */
export const REGULATORS_KEYS = {
  'bank-indonesia': 'ogk_live_bankindonesia0123456789abcdefghijk',
  ojk: 'ogk_live_ojkojkojkojk0123456789abcdefghijk',
} as const;

export function gatewayDigestOf(key: string): string {
  return createHash('sha1').update(`one-gate-kong:${key}`).digest('hex');
}

/** Functions know the gateway's own posts, of http-log, by this host. */
export const LOG_HOST = 'regulator-records.one-gate.svc.cluster.local';

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  body: Buffer;
}

export interface TestGateway {
  url: string;
  gateway: Gateway;
  /** What reached functions, oldest first. */
  seen: Seen[];
  /** What http-log has posted, oldest first, taken or not. */
  posts: Seen[];
  /** What the function answers that is posted to; 204 unless set. */
  answerPost: (post: Seen, response: ServerResponse) => void;
  /** What functions answer; 200 `{}` unless set. */
  answer: (seen: Seen, response: ServerResponse) => void;
  keys: { privateKey: KeyObject; publicKey: KeyObject };
  token(claims?: JWTPayload, header?: Record<string, unknown>, key?: KeyObject): Promise<string>;
  /** One request as bytes on the wire, with Connection: close, and its answer as it comes back. */
  raw(request: string): Promise<string>;
  warned: string[];
  stop(): Promise<void>;
}

/** Room for tests that send more than a caller may; limits of consumers stay. */
export const withoutLimits = (yaml: string) => yaml.replaceAll(/minute: \d+(\s+limit_by)/g, 'minute: 1000000$1');

/** `change` edits the rendered configuration, for values that are too long to wait for. */
export async function startTestGateway(
  change: (yaml: string) => string = (yaml) => yaml,
  redis?: { url: string; token: string },
  files?: KongFiles,
): Promise<TestGateway> {
  const keys = generateKeyPairSync('ed25519');
  const seen: Seen[] = [];
  const posts: Seen[] = [];
  const state: Pick<TestGateway, 'answer' | 'answerPost'> = {
    answer: (_, response) => response.end('{}'),
    answerPost: (_, response) => response.writeHead(204).end(),
  };
  const functions = createServer(async (request, response) => {
    const { method = '', url: path = '', headers, rawHeaders } = request;
    const body = await buffer(request).catch(() => Buffer.alloc(0));
    const each = { method, path, headers, rawHeaders, body };
    const ofLog = headers.host === LOG_HOST;
    (ofLog ? posts : seen).push(each);
    (ofLog ? state.answerPost : state.answer)(each, response);
  });
  await new Promise<void>((resolve) => functions.listen(0, '127.0.0.1', resolve));
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: 'key-1' };
  const rendered = renderKong(files ?? (await kongFiles()), {
    publicUrl: PUBLIC_URL,
    namespace: 'one-gate',
    redisHost: '127.0.0.1',
    gatewayProof: GATEWAY_PROOF,
    publicKeys: JSON.stringify({ keys: [jwk] }),
    operatorAddresses: ['127.0.0.0/8'],
    apiKeys: Object.entries(REGULATORS_KEYS).map(([consumer, key]) => ({ consumer, digest: gatewayDigestOf(key) })),
  });
  const { url, token } = redis ?? (await createTestRedis());
  const warned: string[] = [];
  const gateway = await startGateway({
    configuration: change(rendered),
    publicUrl: PUBLIC_URL,
    ingress: `http://127.0.0.1:${(functions.address() as AddressInfo).port}`,
    redis: { url },
    environment: { REDIS_PASSWORD: token },
    warn: (sentence) => warned.push(sentence),
  });
  return {
    url: `http://127.0.0.1:${gateway.port}`,
    gateway,
    seen,
    posts,
    get answerPost() {
      return state.answerPost;
    },
    set answerPost(answer) {
      state.answerPost = answer;
    },
    get answer() {
      return state.answer;
    },
    set answer(answer) {
      state.answer = answer;
    },
    keys,
    warned,
    token: (claims = {}, header = {}, key = keys.privateKey) =>
      new SignJWT({ sub: '7', exp: Math.floor(Date.now() / 1000) + 900, ...claims })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'key-1', ...header })
        .sign(key),
    raw: async (request) => {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.write(request);
      return text(socket);
    },
    stop: async () => {
      await gateway.stop();
      functions.close();
      functions.closeAllConnections();
    },
  };
}
