import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type Configuration, readConfiguration } from '../../kong/local/configuration.ts';
import type { Ground } from '../../kong/local/plugin.ts';
import { routerOf } from '../../kong/local/router.ts';
import { type KongFiles, kongFiles, type Place, renderKong } from '../../kong/render.ts';
import { temporaryDirectory } from '../setup/temporary-directory.ts';

/** A Secret holds two proofs during their rotation: the gateway sends the first. */
const PROOF = 'new-proof-of-the-gateway-0123456789ab';
const TWO_PROOFS = `${PROOF},old-proof-of-the-gateway-0123456789ab`;
const jwkOf = (kid: string) => ({ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid });
const keys = (...all: object[]) => JSON.stringify({ keys: all });
const place = (given: Partial<Place> = {}): Place => ({
  publicUrl: 'https://gate.example.test',
  namespace: 'one-gate',
  redisHost: 'redis.one-gate.svc',
  gatewayProof: PROOF,
  publicKeys: keys(jwkOf('key-1')),
  operatorAddresses: ['10.20.0.0/16', '::1'],
  apiKeys: [],
  ...given,
});
const ground: Omit<Ground, 'credentials' | 'apiKeys'> = {
  publicUrl: 'https://gate.example.test',
  environment: {},
  counters: { take: async () => 1 },
  logQueues: { to: () => ({ add: () => undefined }), stop: async () => undefined },
  post: async () => undefined,
  warn: () => undefined,
};

let files: KongFiles;
let rendered: string;

beforeAll(async () => {
  files = await kongFiles();
  rendered = renderKong(files, place());
});

describe('rendering for a place', () => {
  test('several keys become several credentials, so that keys can be rotated', () => {
    const text = renderKong(files, place({ publicKeys: keys(jwkOf('old'), jwkOf('new')) }));
    expect(readConfiguration(text, ground).credentials).toBe(2);
    expect(text).toContain('https://gate.example.test/errors/');
    expect(text).not.toMatch(/\$\{/);
  });

  test('API keys become their consumers’ credentials, several of them while they are rotated', () => {
    const digests = ['a', 'b', 'c'].map((digit) => digit.repeat(40));
    const [one = '', two = '', three = ''] = digests;
    const apiKeys = [
      { consumer: 'bank-indonesia', digest: one },
      { consumer: 'ojk', digest: two },
      { consumer: 'ojk', digest: three },
    ];
    const { apiKeys: held } = readConfiguration(renderKong(files, place({ apiKeys })), ground);
    expect(digests.map((digest) => held.find(digest)?.username)).toEqual(['bank-indonesia', 'ojk', 'ojk']);
    expect(held.find(two)?.groups).toEqual(['read-transactions', 'read-reports']);
    expect(held.find('d'.repeat(40))).toBeUndefined();
  });

  test('Kong gets in full each setting that kong.yaml says once, and no field that only decK knows', () => {
    expect(rendered).not.toMatch(/_config|_info|[&*]redis/);
    expect(rendered.match(/name: http-log/g)).toHaveLength(6);
    expect(rendered.match(/-- name: log-the-address/g)).toHaveLength(6);
    const { services, routes } = parse(rendered) as { services: object[]; routes: object[] };
    for (const service of services) expect(service).toMatchObject({ retries: 0, connect_timeout: 2000 });
    for (const route of routes) expect(route).toMatchObject({ strip_path: false, preserve_host: false });
  });

  test('a plugin’s own setting wins over its shared configuration', () => {
    const { services } = parse(rendered) as {
      services: { routes: { name: string; plugins: { config: object }[] }[] }[];
    };
    const limitOf = (name: string) =>
      services
        .flatMap(({ routes }) => routes)
        .find((route) => route.name === name)
        ?.plugins.at(-1)?.config;
    expect(limitOf('find-payee')).toMatchObject({ minute: 120, limit_by: 'header', fault_tolerant: false });
    expect(limitOf('get-account')).toMatchObject({ minute: 600, limit_by: 'header', fault_tolerant: true });
  });

  test('every shared configuration of kong.yaml is used', () => {
    const { _plugin_configs: configs } = parse(files.kong) as { _plugin_configs: object };
    const named = new Set(`${files.kong}${files.routes}`.match(/(?<=_config: )[\w-]+/g));
    expect([...named].sort()).toEqual(Object.keys(configs).sort());
  });

  test('addresses of Services, and of the log, are in the namespace of the place', () => {
    const staging = renderKong(files, place({ namespace: 'one-gate-staging' }));
    expect(staging).toContain('http://pay.one-gate-staging.svc.cluster.local:80');
    expect(staging).toContain('http://regulator-records.one-gate-staging.svc.cluster.local:80/events/');
    expect(staging).not.toContain('.one-gate.svc.cluster.local');
  });

  test('texts that YAML 1.1 would read as another type are in quotes', () => {
    const kid = '12:30:45';
    expect(renderKong(files, place({ publicKeys: keys(jwkOf(kid)) }))).toContain(`key: "${kid}"`);
  });

  test.each<[string, Partial<KongFiles>, RegExp]>([
    ['a placeholder', { routes: 'services: ["${' + 'DOG}"]' }, /routes.yaml has a placeholder DOG/],
    ['a field', { routes: 'services: []\nroutes: []\nconsumers: []' }, /^routes.yaml: consumers: /],
    [
      'settings',
      { routes: 'services: []\nroutes: []\nplugins: [{ name: cors, _config: dogs }]' },
      /has no _plugin_configs named dogs/,
    ],
  ])('%s that does not exist is refused', (_what, given, message) => {
    expect(() => renderKong({ ...files, ...given }, place())).toThrow(message);
  });

  test('private members of a key are left out', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'key-1' };
    expect(renderKong(files, place({ publicKeys: keys(jwk) }))).not.toContain(String(jwk.d));
  });

  test.each<[string, Partial<Place>, RegExp]>([
    ['no keys', { publicKeys: '{"keys":[]}' }, /holds no key/],
    ['a key without a kid', { publicKeys: keys({ ...jwkOf('x'), kid: undefined }) }, /has no kid/],
    ['a key of another kind', { publicKeys: keys({ kty: 'oct', k: 'c2VjcmV0', kid: 'x' }) }, /is not Ed25519/],
    ['an address that would break out of the Lua', { publicUrl: "https://a'..os.exit()..'" }, /public address must be/],
    ['an address with a slash at the end', { publicUrl: 'https://a.example/' }, /public address must be/],
    ['an invalid host', { redisHost: 'a"b' }, /not a host name/],
    ['an invalid namespace', { namespace: 'One.Gate' }, /One.Gate is not a namespace/],
    ['no network for operators', { operatorAddresses: [] }, /Operators need at least one network/],
    ['an invalid network', { operatorAddresses: ['10.0.0.0/33'] }, /10.0.0.0\/33 is not an IP address or a network/],
    [
      'a key of a consumer that takes none',
      { apiKeys: [{ consumer: 'one-gate-users', digest: 'a'.repeat(40) }] },
      /has no consumer one-gate-users that takes API keys/,
    ],
    [
      'a key of an unknown consumer',
      { apiKeys: [{ consumer: 'nobody', digest: 'a'.repeat(40) }] },
      /has no consumer nobody that takes API keys/,
    ],
    [
      'an invalid digest',
      { apiKeys: [{ consumer: 'ojk', digest: 'A'.repeat(40) }] },
      /A key of ojk has a digest that is not 40 hex digits/,
    ],
    [
      'a key that is there twice',
      { apiKeys: ['bank-indonesia', 'ojk'].map((consumer) => ({ consumer, digest: 'a'.repeat(40) })) },
      /A key of ojk is there twice/,
    ],
    ['no proof', { gatewayProof: '' }, /must be 32 to 256 letters, digits/],
    ['a short proof', { gatewayProof: 'secret' }, /^(?!.*secret)/],
    ['a proof that would break out', { gatewayProof: `${'x'.repeat(32)}")` }, /must be 32 to 256 letters, digits/],
    ['a network that would break out', { operatorAddresses: ['::1"'] }, /is not an IP address or a network/],
  ])('%s is refused', (_what, given, message) => {
    expect(() => renderKong(files, place(given))).toThrow(message);
  });
});

describe('a configuration that the local gateway could not play as Kong would is refused', () => {
  test.each<[string, (yaml: string) => string, RegExp]>([
    [
      'an unknown plugin',
      (yaml) => yaml.replace('- name: cors', '- name: bot-detection'),
      /plugins, plugin bot-detection: .* does not know this plugin/,
    ],
    [
      'Lua without a name',
      (yaml) => yaml.replace('-- name: name-the-user', '-- names the user'),
      /must begin with a line/,
    ],
    [
      'Lua of an unknown name',
      (yaml) => yaml.replace('-- name: name-the-user', '-- name: name-the-dog'),
      /does not know the Lua named name-the-dog/,
    ],
    [
      'Lua in the wrong phase',
      (yaml) => yaml.replace('-- name: answer-problems-head', '-- name: name-the-user'),
      /name-the-user does not belong into header_filter/,
    ],
    [
      'a misspelt field of a plugin',
      (yaml) => yaml.replace('key_claim_name', 'key_claim'),
      /routes list-transactions, plugin jwt/,
    ],
    ['a misspelt field of a route', (yaml) => yaml.replace('strip_path', 'strip_paths'), /strip_paths/],
    ['retries', (yaml) => yaml.replace('    retries: 0', '    retries: 5'), /retries: must be 0/],
    [
      'the client’s host upstream',
      (yaml) => yaml.replace('   preserve_host: false', '   preserve_host: true'),
      /preserve_host: must be false/,
    ],
    ['a path that is no path', (yaml) => yaml.replace('~/v1/login$', 'v1/login'), /must begin with/],
    [
      'tokens in addresses',
      (yaml) => yaml.replace('uri_param_names: []', 'uri_param_names: [jwt]'),
      /tokens in addresses/,
    ],
    [
      'limits that each gateway counts for itself',
      (yaml) => yaml.replace('policy: redis', 'policy: local'),
      /must be redis/,
    ],
    [
      'limits that shrink with the window',
      (yaml) => yaml.replace(/( +)minute: 30\n/, '$1minute: 30\n$1hour: 5\n'),
      /no window may allow less/,
    ],
    [
      'an algorithm that keys are not fixed to',
      (yaml) => yaml.replace('algorithm: EdDSA', 'algorithm: HS256'),
      /algorithm/,
    ],
    [
      'keys in addresses',
      (yaml) => yaml.replace('key_in_query: false', 'key_in_query: true'),
      /key_in_query: must be false: keys in addresses are not played/,
    ],
    [
      'a log field that is not known',
      (yaml) => yaml.replace('-- name: log-the-address', '-- name: log-the-dog'),
      /plugin http-log, custom_fields_by_lua.request.uri: has Lua that the local gateway does not know/,
    ],
    [
      'a consumer’s plugin that comes before the consumer is known',
      (yaml) =>
        yaml.replace(
          /- name: rate-limiting\n +config:\n +minute: 100\n(?: {10}.*\n)+/,
          '- { name: correlation-id, config: { header_name: X-Id, generator: uuid } }\n',
        ),
      /correlation-id runs before the consumer is known/,
    ],
    [
      'two routes of one name',
      (yaml) => yaml.replace('      - name: login', '      - name: register'),
      /two routes are called register/,
    ],
  ])('%s', (_what, change, message) => {
    const changed = change(rendered);
    expect(changed).not.toBe(rendered);
    expect(() => readConfiguration(changed, ground)).toThrow(message);
  });

  test('plugins that only Kong plays are named', () => {
    expect(readConfiguration(rendered, ground).notPlayed.map((each) => each.split(':')[0])).toEqual([
      'prometheus',
      'opentelemetry',
    ]);
  });
});

describe('routes are found by Kong’s rules', () => {
  const route = (name: string, given: Partial<Configuration['routes'][number]>) => ({
    name,
    methods: undefined,
    paths: ['/'],
    regexPriority: 0,
    stripPath: false,
    upstream: undefined,
    handlers: [],
    ...given,
  });
  const find = routerOf([
    route('root', {}),
    route('longer-prefix', { paths: ['/v1/wallet'] }),
    route('prefix', { paths: ['/v1'] }),
    route('regex', { paths: ['~/v1/w[a-z]+$'] }),
    route('preferred-regex', { paths: ['~/v1/wa'], regexPriority: 5 }),
    route('first-regex', { paths: ['~/v1/[^/]+/x$'] }),
    route('longer-regex', { paths: ['~/v1/[^/]+/[^/]+$'] }),
    route('preferred-without-method', { paths: ['~/v1/exact/y$'], regexPriority: 5 }),
    route('pattern-with-method', { paths: ['~/v1/[^/]+/y$'], methods: ['POST'] }),
    route('with-method', { paths: ['/v1/wallet'], methods: ['POST'] }),
    route('stripped', { paths: ['/strip'], stripPath: true }),
  ]);

  test.each([
    ['POST', '/v1/wallet', 'with-method'],
    ['GET', '/v1/wallet', 'preferred-regex'],
    ['GET', '/v1/world', 'regex'],
    ['GET', '/v1/world/x/y', 'prefix'],
    // Kong compares nothing but priorities here, and so does the player.
    ['GET', '/v1/world/x', 'first-regex'],
    ['POST', '/v1/exact/y', 'pattern-with-method'],
    ['GET', '/v1/exact/y', 'preferred-without-method'],
    ['GET', '/v2', 'root'],
  ])('%s %s goes to %s', (method, path, name) => {
    expect(find(method, path)?.route.name).toBe(name);
  });

  test('strip_path takes the matched part off', () => {
    expect(find('GET', '/strip/rest')?.path).toBe('/rest');
    expect(find('GET', '/strip')?.path).toBe('/');
  });

  test('a regular expression begins where the path begins', () => {
    expect(routerOf([route('only', { paths: ['~/v1/pay$'] })])('GET', '/x/v1/pay')).toBeUndefined();
  });
});

describe('node kong/render.ts', () => {
  const render = (...options: string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../kong/render.ts'), ...options]);

  test('prints the configuration for the Secret', async () => {
    const temporary = await temporaryDirectory();
    const file = join(temporary.path, 'jwks.json');
    await writeFile(file, keys(jwkOf('key-1')));
    const proof = join(temporary.path, 'gateway-proof');
    await writeFile(proof, `${TWO_PROOFS}\n`);
    const options = ['--public-url', 'https://gate.example.test', '--redis-host', 'redis.one-gate.svc', '--keys', file];
    options.push('--proof', proof);
    const { stdout } = await render(...options, '--operator-addresses', '10.20.0.0/16, fd00::/8');
    expect(readConfiguration(stdout, ground).credentials).toBe(1);
    expect(stdout).toMatch(/allow:\n +- 10.20.0.0\/16\n +- fd00::\/8\n/);
    expect(stdout).toContain('http://pay.one-gate.svc.cluster.local:80');
    expect(stdout.match(/keyauth_credentials: \[\]/g)).toHaveLength(2);
    expect(stdout).toContain(`"X-Gateway-Proof", "${PROOF}"`);
    expect(stdout).not.toContain('old-proof');
    await temporary.remove();
  });

  test('takes API keys as the operators’ list gives them, without inactive ones', async () => {
    const temporary = await temporaryDirectory();
    const [jwks, list] = [join(temporary.path, 'jwks.json'), join(temporary.path, 'api-keys.json')];
    await writeFile(jwks, keys(jwkOf('key-1')));
    const proof = join(temporary.path, 'gateway-proof');
    await writeFile(proof, PROOF);
    const listed = ['a', 'b'].map((digit, index) => ({
      id: String(index),
      consumer: 'ojk',
      gateway_digest: digit.repeat(40),
      active: index === 0,
    }));
    await writeFile(list, JSON.stringify(listed));
    const options = [
      '--public-url',
      'https://gate.example.test',
      '--redis-host',
      'redis',
      '--keys',
      jwks,
      '--proof',
      proof,
    ];
    const { stdout } = await render(...options, '--operator-addresses', '::1', '--api-keys', list);
    expect(readConfiguration(stdout, ground).apiKeys.find('a'.repeat(40))?.username).toBe('ojk');
    expect(stdout).not.toContain('b'.repeat(40));
    await writeFile(list, JSON.stringify({ data: listed }));
    await expect(render(...options, '--operator-addresses', '::1', '--api-keys', list)).rejects.toMatchObject({
      stderr: expect.stringContaining('The API keys must be a list'),
    });
    await temporary.remove();
  });

  test('prints its usage when an option is missing', async () => {
    await expect(render('--public-url', 'https://gate.example.test')).rejects.toMatchObject({
      code: 64,
      stderr:
        'node kong/render.ts --public-url URL --redis-host HOST --keys FILE --proof FILE --operator-addresses NETWORK,... [--namespace NAME] [--api-keys FILE] ' +
        '> rendered.yaml\n' +
        'The namespace is one-gate unless given. Without --api-keys (the data of GET /v1/operator/api-keys) no regulator is let in.\n',
    });
  });
});
