// Routes that are generated from declarations, as the local gateway plays them: methods that share a path, exact paths beside patterns,
// and declarations that Kong could not play as the host does.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { parse } from 'yaml';
import { lintKongText } from '../../kong/lint.ts';
import { kongFiles, renderKong } from '../../kong/render.ts';
import { type HostedFunction, routesFile } from '../../kong/routes.ts';
import { anyone, type FunctionDeclaration } from '../../shared/platform/http/function.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { user } from '../../shared/sessions/caller.ts';
import { operator } from '../../shared/sessions/operator.ts';
import { REGULATORS_KEYS, startTestGateway, type TestGateway } from './test-gateway.ts';

type Http = NonNullable<FunctionDeclaration['http']>;
type Given = Partial<Http> & Pick<Http, 'route'>;

function hosted(name: string, given: Given, service = 'notes', timeoutSeconds = 20): HostedFunction {
  const http: Http = {
    limit: { perMinute: 1000, by: 'address' },
    caller: anyone,
    answer: v.object({}),
    status: 200,
    errors: [],
    handle: async () => ({ data: {} }),
    ...given,
  };
  return { declaration: { name, summary: 'A function', http }, service: { name: service, timeoutSeconds } };
}

/** Without a limit of its own. */
function forRegulators(name: string, given: Given): HostedFunction {
  const { declaration, service } = hosted(name, { caller: regulatorWith('READ_REPORTS'), ...given });
  const { limit: _limit, ...http } = declaration.http as Http;
  return { declaration: { ...declaration, http }, service };
}

const TRIAL = [
  hosted('get-note', { route: 'GET /v1/notes/{id}', alsoAt: ['GET /v1/notes/{id}/text.txt'] }),
  hosted(
    'put-note',
    { route: 'PUT /v1/notes/{note}', caller: user, limit: { perMinute: 1000, by: 'user' } },
    'writing',
  ),
  hosted('delete-note', { route: 'DELETE /v1/notes/{id}' }),
  hosted('search-notes', { route: 'POST /v1/notes/search', alsoAt: ['GET /v1/notes'], body: v.object({}) }),
  hosted('count-notes', { route: 'GET /v1/notes/count', streams: true }, 'counting', 55),
  hosted('change-note', {
    route: 'PATCH /v1/operator/notes',
    caller: operator,
    limit: { perMinute: 60, by: 'user', whenUncounted: 'refuse' },
  }),
  forRegulators('regulated-note', { route: 'GET /v1/regulator/note' }),
];

const start = async () => startTestGateway(undefined, undefined, { ...(await kongFiles()), routes: routesFile(TRIAL) });

describe('routes of declarations that share paths', () => {
  let gate: TestGateway;
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    fetch(gate.url + path, { method, headers });
  /** The Service that was asked, or the refusal. */
  const outcome = async (method: string, path: string) => {
    gate.seen.length = 0;
    const answer = await ask(method, path, { authorization: `Bearer ${await gate.token()}` });
    const [seen] = gate.seen;
    return seen
      ? `${answer.status} ${seen.headers.host?.split('.')[0]}`
      : `${answer.status} ${answer.headers.get('allow')}`;
  };

  beforeAll(async () => {
    gate = await start();
  });
  afterAll(() => gate.stop());

  test.each([
    ['GET', '/v1/notes/7', '200 notes'],
    ['HEAD', '/v1/notes/7', '200 notes'],
    ['PUT', '/v1/notes/7', '200 writing'],
    ['DELETE', '/v1/notes/7', '200 notes'],
    ['POST', '/v1/notes/7', '405 GET, HEAD, PUT, DELETE'],
    ['OPTIONS', '/v1/notes/7', '405 GET, HEAD, PUT, DELETE'],
    ['GET', '/v1/notes/7/text.txt', '200 notes'],
    ['PUT', '/v1/notes/7/text.txt', '405 GET, HEAD'],
    ['GET', '/v1/notes/7/textatxt', '404 null'],
    ['GET', '/v1/notes', '200 notes'],
    ['POST', '/v1/notes', '405 GET, HEAD'],
  ])('%s %s: %s', async (method, path, expected) => {
    expect(await outcome(method, path)).toBe(expected);
  });

  test.each([
    ['GET', '/v1/notes/count', '200 counting'],
    ['HEAD', '/v1/notes/count', '200 counting'],
    ['POST', '/v1/notes/search', '200 notes'],
    // Methods that only the pattern has are refused as well, whichever Services host the two.
    ['PUT', '/v1/notes/count', '405 GET, HEAD'],
    ['DELETE', '/v1/notes/count', '405 GET, HEAD'],
    ['GET', '/v1/notes/search', '405 POST'],
    ['HEAD', '/v1/notes/search', '405 POST'],
    ['PUT', '/v1/notes/search', '405 POST'],
    ['OPTIONS', '/v1/notes/search', '405 POST'],
  ])('an exact path wins over a pattern: %s %s: %s', async (method, path, expected) => {
    expect(await outcome(method, path)).toBe(expected);
  });

  test('a method that asks for a token asks for one beside one that does not', async () => {
    expect((await ask('PUT', '/v1/notes/7')).status).toBe(401);
    expect((await ask('GET', '/v1/notes/7')).status).toBe(200);
  });

  test('a refused method is logged where a regulator would have been', async () => {
    const logging = await start();
    const put = { method: 'PUT', headers: { 'x-api-key': REGULATORS_KEYS.ojk } };
    expect((await fetch(`${logging.url}/v1/regulator/note`, put)).status).toBe(405);
    expect((await fetch(`${logging.url}/v1/notes/7`, { method: 'POST' })).status).toBe(405);
    await logging.stop();
    const logged = logging.posts.flatMap(({ body }) => JSON.parse(body.toString()) as { request: { uri: string } }[]);
    expect(logged.map(({ request }) => request.uri)).toEqual(['/v1/regulator/note']);
  });

  test('browsers may use the methods and headers that are declared', async () => {
    const answer = await ask('OPTIONS', '/v1/notes/search', {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,PUT,PATCH,DELETE');
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Authorization,Content-Type,X-Request-Id,traceparent',
    );
  });

  test('Kong and our policy have nothing against them, and one Service has one timeout', async () => {
    const text = renderKong(
      { ...(await kongFiles()), routes: routesFile(TRIAL) },
      {
        publicUrl: 'https://gate.example',
        namespace: 'example',
        redisHost: 'redis.example',
        gatewayProof: 'a-proof-'.repeat(5),
        publicKeys: JSON.stringify({ keys: [{ ...gate.keys.publicKey.export({ format: 'jwk' }), kid: 'key-1' }] }),
        operatorAddresses: ['10.0.0.0/8'],
        apiKeys: [],
      },
    );
    expect(lintKongText(text).findings).toEqual([]);
    const { services } = parse(text) as { services: { name: string; read_timeout: number; routes: object[] }[] };
    expect(services.map(({ name, read_timeout: timeout }) => [name, timeout])).toEqual([
      ['counting', 65_000],
      ['notes', 30_000],
      ['writing', 30_000],
    ]);
    expect(services[0]?.routes).toEqual([expect.objectContaining({ name: 'count-notes', response_buffering: false })]);
    const change = services[1]?.routes.find((route) => (route as { name: string }).name === 'change-note');
    expect((change as { plugins: object[] }).plugins).toEqual([
      expect.objectContaining({ name: 'jwt' }),
      { name: 'ip-restriction', config: expect.objectContaining({ allow: ['10.0.0.0/8'] }) },
      {
        name: 'rate-limiting',
        config: expect.objectContaining({ minute: 60, limit_by: 'header', fault_tolerant: false }),
      },
    ]);
  });
});

describe('a declaration that Kong would play in another way than the host is refused', () => {
  const { limit: _limit, ...unlimited } = hosted('a', { route: 'GET /v1/a' }).declaration.http as Http;
  const { groups: _groups, ...anyKey } = regulatorWith('READ_REPORTS');

  test.each<[string, HostedFunction[], RegExp]>([
    [
      'without a limit',
      [{ ...hosted('a', { route: 'GET /v1/a' }), declaration: { name: 'a', summary: 'A', http: unlimited } }],
      /^a has no limit\.$/,
    ],
    [
      'with a limit beside those of its consumers',
      [hosted('a', { route: 'GET /v1/a', caller: regulatorWith('READ_REPORTS') })],
      /^a has a limit, and Kong would prefer/,
    ],
    ['with a key and no group', [forRegulators('a', { route: 'GET /v1/a', caller: anyKey })], /^a names no group/],
    [
      'with a limit by user and no token',
      [hosted('a', { route: 'GET /v1/a', limit: { perMinute: 1, by: 'user' } })],
      /^a has a limit by user and asks for no token/,
    ],
    [
      'of the same address as another, in another Service',
      [hosted('a', { route: 'GET /v1/a/{x}' }), hosted('b', { route: 'GET /v1/a/{y}' }, 'other')],
      /^a and b both declare GET \/v1\/a\/\{y\}\.$/,
    ],
    [
      'of a pattern that another crosses',
      [hosted('a', { route: 'GET /v1/{x}/b' }), hosted('b', { route: 'PUT /v1/a/{y}' })],
      /match the same addresses, and neither is exact/,
    ],
  ])('%s', (_what, functions, message) => {
    expect(() => routesFile(functions)).toThrow(message);
  });
});
