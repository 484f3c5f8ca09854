import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { Finding } from '../../kong/lint/finding.ts';
import { lintKong, lintKongText, named, renderedForNowhere } from '../../kong/lint.ts';
import { changed } from '../setup/changed.ts';
import vectors from './fixtures/kong-parse-vectors.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '../..');

const pathsOf = (findings: Finding[], kind: Finding['kind']) =>
  findings.filter((each) => each.kind === kind).map(({ path }) => path);

const cases = vectors.cases.map(({ changes, ...rest }) => ({
  ...rest,
  content: changes.reduce((content, change) => changed(content, change), parse(vectors.base) as object),
}));

describe('the verdict of the lint is that of `kong config parse`', () => {
  test.each(cases)('$name', ({ content, accepted, error }) => {
    const refusals = pathsOf(lintKong(content), 'refused');
    expect({ accepted: refusals.length === 0, refusals }).toEqual({ accepted, refusals });
    // For the same reason: Kong names fields from the outside to the inside, a line each, the last one with the
    // mistake.
    const places = [...error.matchAll(/in (?:entry \d+ of )?'([\w.]+)': \S/g)].map(([, name]) => name ?? '');
    for (const place of places) expect(refusals.join()).toContain(place);
  });

  test('all recorded cases are here', () => {
    expect(cases).toHaveLength(30);
    expect(cases.filter(({ accepted }) => accepted)).toHaveLength(8);
  });

  test('our policy refuses settings that Kong calls deprecated', () => {
    for (const { name, content, deprecated } of cases) {
      const found = lintKong(content).some(({ kind, sentence }) => kind === 'ours' && /deprecated/.test(sentence));
      expect({ name, found }).toEqual({ name, found: deprecated });
    }
  });
});

const counted = () => ({
  policy: 'redis',
  fault_tolerant: true,
  redis: { host: 'redis', password: '{vault://env/redis-password}' },
});
const good = () => ({
  _format_version: '3.0',
  consumers: [
    { username: 'users', keyauth_credentials: [{ key: 'k' }] },
    {
      username: 'bank',
      acls: [{ group: 'read' }],
      plugins: [
        {
          name: 'rate-limiting',
          config: { minute: 9, limit_by: 'consumer', ...counted() },
        },
      ],
    },
  ],
  services: [
    {
      name: 'pay',
      url: 'http://pay.one-gate.svc.cluster.local:80',
      retries: 0,
      routes: [{ name: 'pay', methods: ['POST'], paths: ['~/v1/pay$'], preserve_host: false }],
      plugins: [
        { name: 'jwt', config: { claims_to_verify: ['exp'], uri_param_names: [] } },
        { name: 'rate-limiting', config: { minute: 60, limit_by: 'ip', ...counted() } },
        { name: 'ip-restriction', config: { allow: ['10.0.0.0/8', '::1'] } },
        { name: 'opentelemetry', config: { traces_endpoint: 'http://collector:4318/v1/traces' } },
      ],
    },
  ],
  routes: [
    {
      name: 'read',
      paths: ['/v1/read'],
      plugins: [
        { name: 'key-auth', config: { key_names: ['x-key'], key_in_query: false } },
        { name: 'acl', config: { allow: ['read'] } },
        {
          name: 'http-log',
          config: {
            http_endpoint: 'http://log.one-gate.svc.cluster.local:80/events',
            headers: { 'ce-id': '1' },
            queue: { max_batch_size: 20, max_retry_time: 600 },
            custom_fields_by_lua: { 'request.headers': 'return nil' },
          },
        },
      ],
    },
  ],
  plugins: [{ name: 'cors', config: { origins: ['*'] } }],
});
const key = ['routes', 0, 'plugins', 0, 'config'];
const log = ['routes', 0, 'plugins', 2, 'config'];
const ofConsumer = ['consumers', 1, 'plugins', 0, 'config', 'redis', 'password'];
const service = ['services', 0];
const route = [...service, 'routes', 0];
const config = (plugin: number) => [...service, 'plugins', plugin, 'config'];

describe('our policy refuses what Kong parses without a word', () => {
  test('a good configuration has no finding', () => expect(lintKong(good())).toEqual([]));

  test.each<[string, (string | number)[], unknown, RegExp]>([
    ['retries', [...service, 'retries'], 5, /must be 0/],
    ['retries by default', [...service, 'retries'], undefined, /must be 0/],
    ['a regular expression without ~', [...route, 'paths'], ['/v1/pay$'], /prefix that no request has/],
    ['a group without ~', [...route, 'paths'], ['/v1/(pay)'], /prefix that no request has/],
    ['an invalid expression', [...route, 'paths'], ['~/v1/(pay'], /local gateway cannot read/],
    ['a method that does not exist', [...route, 'methods'], ['PSOT'], /no HTTP method PSOT/],
    ['the host of the client', [...route, 'preserve_host'], true, /own host name/],
    ['a reference as a key', ['consumers', 0, 'keyauth_credentials', 0, 'key'], '{vault://env/x}', /literally/],
    ['anonymous callers', [...config(0), 'anonymous'], 'nobody', /would be let in/],
    ['tokens in addresses', [...config(0), 'uri_param_names'], ['jwt'], /end up in logs/],
    ['tokens in addresses by default', [...config(0), 'uri_param_names'], undefined, /end up in logs/],
    ['tokens that have expired', [...config(0), 'claims_to_verify'], [], /has expired/],
    ['one limit for all users', [...config(1), 'limit_by'], 'consumer', /they would share one limit/],
    ['one limit for all users by default', [...config(1), 'limit_by'], undefined, /they would share one limit/],
    [
      'one limit for all who have tokens',
      ['consumers', 1, 'jwt_secrets'],
      [{ key: 'k', secret: 's' }],
      /they would share one limit/,
    ],
    ['a limit that Redis will not count', [...config(1), 'redis', 'password'], undefined, /Redis refuses who says no/],
    ['a password in plain', [...config(1), 'redis', 'password'], 'secret', /must be a reference/],
    ['a limit of a consumer that Redis will not count', ofConsumer, undefined, /Redis refuses who says no/],
    [
      'a limit that does not say what happens without Redis',
      [...config(1), 'fault_tolerant'],
      undefined,
      /must be said/,
    ],
    ['a limit of bodies that reads them', ['plugins', 1], { name: 'request-size-limiting' }, /spooled whole/],
    ['keys in addresses', [...key, 'key_in_query'], true, /addresses end up in logs/],
    ['keys in addresses by default', [...key, 'key_in_query'], undefined, /addresses end up in logs/],
    ['keys in bodies', [...key, 'key_in_body'], true, /read every body/],
    ['a log with headers', [...log, 'custom_fields_by_lua'], { route: 'return nil' }, /keys and tokens in plain/],
    ['a log with headers by default', [...log, 'custom_fields_by_lua'], undefined, /keys and tokens in plain/],
    [
      'a log with some headers',
      [...log, 'custom_fields_by_lua', 'request.headers'],
      'return { kong.request.get_header("x") }',
      /keys and tokens in plain/,
    ],
    ['a deprecated queue', [...log, 'queue_size'], 5, /write queue.max_batch_size/],
    ['a deprecated field', [...config(1), 'redis_host'], 'redis', /write redis.host/],
    ['a restriction without networks', [...config(2), 'allow'], [], /lets every address in/],
    ['a deprecated endpoint', [...config(3), 'endpoint'], 'http://collector:4318', /write traces_endpoint/],
    ['a plugin twice', ['plugins', 1], { name: 'cors', config: {} }, /two cors/],
    ['a plugin that this lint does not know', ['plugins', 1], { name: 'oauth2', config: {} }, /was not checked/],
    ['an entity that this lint does not know', ['upstreams'], [], /was not checked/],
    ['credentials that it does not know', ['consumers', 0, 'basicauth_credentials'], [], /was not checked/],
    ['a placeholder', [...service, 'url'], 'http://$' + '{HOST}:80', /render the file/],
  ])('%s', (_what, at, value, sentence) => {
    const changedAt = changed(good() as object, { at, value });
    expect(lintKong(changedAt)).toEqual([
      { kind: 'ours', path: expect.any(String), sentence: expect.stringMatching(sentence) },
    ]);
  });

  test('an old format, even where Kong still reads it', () => {
    const plain = changed(good() as object, { at: [...route, 'paths'], value: ['/v1/pay'] });
    expect(lintKong(changed(plain, { at: ['_format_version'], value: '2.1' }))).toEqual([
      { kind: 'ours', path: '_format_version', sentence: expect.stringMatching(/write 3.0/) },
    ]);
  });

  test.each<[string, (string | number)[], unknown]>([
    ['a plain prefix', [...route, 'paths'], ['/v1/pay', '/.well-known/jwks.json']],
    ['a reference where Kong resolves it', [...config(1), 'redis', 'password'], '{vault://env/redis-password}'],
    ['a limit per header', [...config(1)], { ...counted(), minute: 1, limit_by: 'header', header_name: 'X-User-Id' }],
    ['a limit that is refused when it cannot be counted', [...config(1), 'fault_tolerant'], false],
  ])('%s is fine', (_what, at, value) => {
    expect(lintKong(changed(good() as object, { at, value }))).toEqual([]);
  });
});

describe('Kong’s refusals beyond the recorded cases', () => {
  test.each<[string, (string | number)[], unknown, string]>([
    ['a field that a service does not have', [...service, 'retry'], 1, 'services[0].retry'],
    ['a route for everything', [...route], { name: 'all' }, 'services[0].routes[0]'],
    ['a method in small letters', [...route, 'methods'], ['post'], 'services[0].routes[0].methods[0]'],
    ['limits without a limit', [...config(1), 'minute'], undefined, 'services[0].plugins[1].config'],
    ['Redis without a host', [...config(1), 'redis'], undefined, 'services[0].plugins[1].config.redis'],
    ['no restriction', [...config(2)], {}, 'services[0].plugins[2].config'],
    ['a consumer without a name', ['consumers', 0], { acls: [] }, 'consumers[0]'],
    ['a log without a place', [...log, 'http_endpoint'], undefined, 'routes[0].plugins[2].config.http_endpoint'],
    ['a log with a host of its own', [...log, 'headers'], { Host: 'x' }, 'routes[0].plugins[2].config.headers.Host'],
    ['an empty header', [...log, 'headers'], { 'ce-id': '' }, 'routes[0].plugins[2].config.headers.ce-id'],
    [
      'a queue of nothing',
      [...log, 'queue'],
      { max_batch_size: 0 },
      'routes[0].plugins[2].config.queue.max_batch_size',
    ],
    ['a queue’s unknown field', [...log, 'queue'], { max: 1 }, 'routes[0].plugins[2].config.queue.max'],
    ['something unknown at the top', ['service'], [], 'service'],
  ])('%s', (_what, at, value, path) => {
    expect(pathsOf(lintKong(changed(good() as object, { at, value })), 'refused')).toEqual([path]);
  });

  test.each([[undefined], ['text'], [[]]])('%j is not a configuration', (content) => {
    expect(pathsOf(lintKong(content), 'refused')).toEqual(['']);
  });
});

test('kong.yaml and routes.yaml, rendered, have no finding', async () => {
  expect(lintKongText(await renderedForNowhere()).findings).toEqual([]);
});

test('kong.yaml itself has placeholders, and is not a configuration yet', async () => {
  const { findings } = lintKongText(await readFile(join(ROOT, 'kong/kong.yaml'), 'utf8'));
  expect(findings.some(({ sentence }) => /placeholder/.test(sentence))).toBe(true);
});

test('paths use names', () => {
  expect(named(good(), 'services[0].routes[0].paths[0]')).toBe('services[pay].routes[pay].paths[0]');
  expect(named(good(), 'consumers[0].username')).toBe('consumers[users].username');
  expect(named(good(), '')).toBe('');
});

describe('node kong/lint.ts', () => {
  const lint = (paths: string[], input = '') =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [join(ROOT, 'kong/lint.ts'), ...paths],
        { cwd: ROOT },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
      child.stdin?.end(input);
    });

  test('checks the project’s own rendered files without an argument, and finds nothing', async () => {
    const { code, stdout } = await lint([]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/refuse 0 things, our policy 0\.\n$/) });
  });

  test('names place and reason, and exits with 1', async () => {
    const bad = changed(good() as object, { at: [...service, 'retries'], value: 5 });
    const { code, stdout } = await lint(['-'], JSON.stringify(bad));
    expect(code).toBe(1);
    expect(stdout).toContain('-: services[pay].retries: It must be 0');
    expect((await lint(['-'], 'services: [')).stdout).toMatch(/^-: It is not YAML/);
    expect(await lint(['nowhere.yaml'])).toMatchObject({ code: 64, stderr: expect.stringMatching(/nowhere.yaml/) });
  });
});
