// House rules that a program can check: layers, cycles, where the environment is read, and one name for everything.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseFileSync } from '@swc/core';
import { parse } from 'yaml';
import { CONNECTION_BUDGET, connectionsOf } from '../knative/explain/meaning.ts';
import { readMeanings } from '../knative/explain/overview.ts';
import { type DeclaredFunction, declaredFunctions, functionPaths, hostsOf } from '../knative/functions.ts';
import { type Manifests, readManifests, type ServiceManifest } from '../knative/local/manifests.ts';
import { OVERLAYS } from '../knative/overlays.ts';
import { NAMESPACE, renderedForNowhere } from '../kong/lint.ts';
import { SCHEDULE_TYPE } from '../shared/platform/events/schedule.ts';

const ROOT = join(import.meta.dirname, '..');

interface SourceFile {
  path: string;
  text: string;
  imports: Import[];
}

interface Import {
  /** A path of the project, or a package's name. */
  to: string;
  typeOnly: boolean;
}

const files: SourceFile[] = ['functions', 'shared', 'knative', 'kong', 'migrations', 'test'].flatMap(sourcesBelow);
const productFiles = files.filter(({ path }) => /^(functions|shared)\//.test(path));

/** The layer of a file of the product. */
const layerOf = (path: string): 'function' | 'domain' | 'platform' | 'outside' => {
  const [top, second = ''] = path.split('/');
  if (top === 'functions') return 'function';
  if (top !== 'shared') return 'outside';
  return second === 'platform' ? 'platform' : 'domain';
};

/** The files that import more than types from the module. */
const importersOf = (module: string) =>
  productFiles
    .filter(({ imports }) => imports.some(({ to, typeOnly }) => to === module && !typeOnly))
    .map(({ path }) => path);

describe('layers', () => {
  const edges = productFiles.flatMap(({ path, imports }) => imports.map(({ to }) => [path, to] as const));
  const ours = edges.filter(([, to]) => /^(functions|shared|knative|kong|test|migrations)\//.test(to));

  test('a function imports shared, never another function', () => {
    expect(
      ours.filter(([from, to]) => layerOf(from) === 'function' && to.endsWith('.ts') && layerOf(to) === 'function'),
    ).toEqual([]);
  });

  test('shared never imports functions', () => {
    expect(ours.filter(([from, to]) => from.startsWith('shared/') && layerOf(to) === 'function')).toEqual([]);
  });

  test('platform modules never import domain modules', () => {
    expect(ours.filter(([from, to]) => layerOf(from) === 'platform' && layerOf(to) === 'domain')).toEqual([]);
  });

  test('the ledger knows no HTTP, no problems and no addresses: the API’s texts about money are in shared/wallet', () => {
    const ledger = productFiles.filter(({ path }) => path.startsWith('shared/ledger/'));
    const faces = /^shared\/(http|host|wallet|topups|receipts)\//;
    expect(ledger.length).toBeGreaterThan(20);
    expect(
      ledger.flatMap(({ path, imports }) =>
        imports.filter(({ to }) => faces.test(to)).map(({ to }) => `${path} ${to}`),
      ),
    ).toEqual([]);
    expect(ledger.filter(({ text }) => /publicUrl|problem\+json/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('the rules of the ledger are pure: they import rules, money, and types', () => {
    const rules = productFiles.filter(({ path }) => path.startsWith('shared/ledger/rules/'));
    expect(rules.length).toBeGreaterThan(4);
    const others = rules.flatMap(({ path, imports }) =>
      imports
        .filter(({ to, typeOnly }) => !typeOnly && !to.startsWith('shared/ledger/rules/'))
        .map(({ to }) => `${path}: ${to}`),
    );
    // Ids are random; nothing else is impure.
    expect(others.filter((other) => !/: (shared\/money.ts|node:crypto|uuid)$/.test(other))).toEqual([]);
  });

  test('production code imports nothing from tests, the local platform or migrations', () => {
    expect(ours.filter(([, to]) => layerOf(to) === 'outside')).toEqual([]);
  });

  test('nothing but tests imports tests', () => {
    const importers = files.filter(({ path }) => !path.startsWith('test/'));
    expect(
      importers.filter(({ imports }) => imports.some(({ to }) => to.startsWith('test/'))).map(({ path }) => path),
    ).toEqual([]);
  });

  test.each([
    // The ledger has one writing connection of its own: one batch is in flight per instance, never two.
    ['shared/platform/packages/pg.ts', ['shared/platform/database/', 'shared/ledger/posting/ledger.ts']],
    ['shared/platform/packages/redis.ts', ['shared/platform/cache/']],
    ['shared/platform/packages/kafkajs.ts', ['shared/platform/events/']],
  ])('%s is opened in %s alone', (driver, places) => {
    const openers = importersOf(driver);
    expect(openers).not.toEqual([]);
    expect(openers.filter((path) => !places.some((place) => path.startsWith(place)))).toEqual([]);
  });

  test('a package that functions share is not bundled into one of them', () => {
    const shared = productFiles.filter(({ path }) => path.startsWith('shared/platform/packages/'));
    const names = new Set(shared.flatMap(({ imports }) => imports.map(({ to }) => to)));
    expect(names).toContain('jose');
    const importers = [...names].flatMap(importersOf);
    expect(importers.filter((path) => !path.startsWith('shared/platform/packages/'))).toEqual([]);
  });

  // Types count: two files that take types from each other can only be understood together.
  test('there are no import cycles, those of types included', () => {
    expect(cycles(importGraph(files, (path) => path))).toEqual([]);
  });

  test('no two wings import each other', () => {
    const wings = files.filter(({ path }) => !path.startsWith('test/'));
    expect(cycles(importGraph(wings, (path) => path.split('/')[0] ?? ''))).toEqual([]);
  });
});

describe('files', () => {
  test('the environment is read in shared/platform/environment.ts alone', () => {
    const readers = productFiles.filter(({ text }) => /process\s*\.\s*env|process\s*\[|import\.meta\.env/.test(text));
    expect(readers.map(({ path }) => path)).toEqual(['shared/platform/environment.ts']);
  });

  test('paths and file URLs are converted by Node’s own functions, which know the escapes of a space and a percent sign', () => {
    const escaped = files.filter(({ text }) => /import\.meta\.url\)\s*\.pathname|\bimport\(join\(/.test(text));
    expect(escaped.map(({ path }) => path)).toEqual([]);
  });

  test('no file has a vague name', () => {
    const vague = /^(utils?|helpers?|commons?|types?|misc|index|interfaces?|constants?)\.ts$/;
    expect(productFiles.filter(({ path }) => vague.test(basename(path))).map(({ path }) => path)).toEqual([]);
  });

  test('a function begins with one line: its trigger and its purpose', async () => {
    const opening = /^\/\/ ((GET|POST|PUT|PATCH|DELETE) \/\S*|For every event|Every \w+)[^\n]*: [^\n]{10,}/;
    for (const path of (await functionPaths()).map((each) => `functions/${each}.ts`))
      expect({ path, opens: opening.test(sourceOf(path)) }).toEqual({ path, opens: true });
  });

  test('texts in Markdown have at most 120 columns', () => {
    const wide = markdownFiles().flatMap((path) => wideLines(path).map((line) => `${path}:${line}`));
    expect(wide).toEqual([]);
  });

  test('every file below a domain’s folder is a function', async () => {
    const declared = new Set((await functionPaths()).map((path) => `functions/${path}.ts`));
    const others = files.filter(({ path }) => path.startsWith('functions/') && !declared.has(path));
    expect(others.map(({ path }) => path)).toEqual([]);
  });
});

interface KongPlugin {
  name: string;
  config: Record<string, unknown>;
}
interface KongRoute {
  name: string;
  methods?: string[];
  paths: string[];
  plugins?: KongPlugin[];
}
interface KongFile {
  consumers: { username: string; acls?: unknown[]; plugins?: KongPlugin[] }[];
  services: { name: string; url: string; read_timeout: number; routes: KongRoute[] }[];
  routes: KongRoute[];
}

describe('one name for function, file, route', () => {
  let manifests: Manifests;
  let functions: DeclaredFunction[];
  let hosts: ReadonlyMap<string, ServiceManifest>;
  let kong: KongFile;

  beforeAll(async () => {
    manifests = await readManifests(join(ROOT, 'knative/base'));
    functions = await declaredFunctions();
    hosts = hostsOf(await functionPaths(), manifests.services);
    kong = parse(await renderedForNowhere()) as KongFile;
  });

  const all = () => functions.map(({ declaration }) => declaration);
  const declarationOf = (name: string) => all().find((declaration) => declaration.name === name);
  const hostOf = (name: string) =>
    hosts.get(functions.find(({ declaration }) => declaration.name === name)?.path ?? '');

  test('the file and the declaration, and no name twice', () => {
    for (const { path, declaration } of functions) expect(declaration.name).toBe(basename(path));
    expect(new Set(all().map(({ name }) => name)).size).toBe(functions.length);
  });

  const routesOf = (service: KongFile['services'][number]) => service.routes.map((route) => ({ service, route }));
  const routed = () => kong.services.flatMap(routesOf);

  test('every HTTP function has its route, and every route its function: same methods, same paths', () => {
    const withHead = (route: string) => (route.startsWith('GET ') ? [route, route.replace('GET', 'HEAD')] : [route]);
    const declared = all().flatMap(({ name, http }) =>
      (http ? [http.route, ...(http.alsoAt ?? [])] : []).flatMap(withHead).map((route) => `${name}: ${shape(route)}`),
    );
    const found = routed().flatMap(({ route: { name, methods = [], paths } }) =>
      methods.flatMap((method) => paths.map((path) => `${name}: ${shape(`${method} ${path}`)}`)),
    );
    expect(found.sort()).toEqual(declared.sort());
  });

  test.each(['base', 'overlays/development', 'overlays/staging', 'overlays/production'])(
    'a route leads to the Service that hosts its function, and outlasts its timeout by a cold start (%s)',
    async (folder) => {
      const { services } = await readManifests(join(ROOT, 'knative', folder), 'passed over');
      const timeouts = new Map(services.map(({ name, timeoutSeconds }) => [name, timeoutSeconds]));
      for (const { service, route } of routed()) {
        expect({ route: route.name, service: service.name }).toEqual({
          route: route.name,
          service: hostOf(route.name)?.name,
        });
        expect(service.url).toBe(`http://${service.name}.${NAMESPACE}.svc.cluster.local:80`);
        expect(service.read_timeout).toBeGreaterThanOrEqual(((timeouts.get(service.name) ?? 0) + 5) * 1000);
      }
    },
  );

  const pluginsOf = (plugins: KongPlugin[] | undefined) => plugins?.map((plugin) => plugin.name) ?? [];
  const asksForKey = (route: KongRoute) => pluginsOf(route.plugins).includes('key-auth');

  test('the gateway asks for a token or a key exactly where the declaration does, and logs requests with a key', () => {
    const asking: Readonly<Record<string, string[]>> = {
      none: [],
      bearer: ['jwt'],
      'api-key': ['acl', 'http-log', 'key-auth'],
    };
    for (const { name, http } of all()) {
      if (!http) continue;
      const route = routed().find((each) => each.route.name === name)?.route;
      const found = pluginsOf(route?.plugins).filter((plugin) => Object.values(asking).flat().includes(plugin));
      expect({ name, found: found.sort() }).toEqual({ name, found: asking[http.caller.scheme] });
    }
  });

  test('every route has a limit, or lets in only consumers that have one', () => {
    const unlimited = kong.services.flatMap(({ routes }) =>
      routes.filter((route) => !pluginsOf(route.plugins).includes('rate-limiting') && !asksForKey(route)),
    );
    expect(unlimited).toEqual([]);
    for (const { username, acls, plugins } of kong.consumers) {
      if (acls) expect({ username, plugins: pluginsOf(plugins) }).toEqual({ username, plugins: ['rate-limiting'] });
    }
  });

  test('every path answers other methods with those it knows, and logs regulators’ requests', () => {
    const known = new Map<string, { methods: string[]; logged: boolean }>();
    for (const { methods = [], paths, plugins } of routed().map(({ route }) => route)) {
      for (const path of paths) {
        const others = known.get(path) ?? { methods: [], logged: false };
        const logged = others.logged || pluginsOf(plugins).includes('http-log');
        known.set(path, { methods: [...others.methods, ...methods], logged });
      }
    }
    const refused = kong.routes.flatMap(({ paths, plugins = [] }) => {
      const transformer = plugins.find(({ name }) => name === 'response-transformer')?.config;
      const { headers: [allow = ''] = [] } = (transformer?.['add'] ?? {}) as { headers?: string[] };
      const methods = allow.replace('Allow:', '').split(', ');
      return paths.map((path) => [path, { methods, logged: pluginsOf(plugins).includes('http-log') }] as const);
    });
    expect(new Map(refused)).toEqual(known);
    expect(refused).toHaveLength(known.size);
  });

  test('every event function has a source or the gateway’s log, and every source an event function', () => {
    const sources = [...manifests.kafkaSources, ...manifests.pingSources];
    const logs = [...kong.routes, ...kong.services.flatMap(({ routes }) => routes)]
      .flatMap(({ plugins }) => plugins ?? [])
      .filter(({ name }) => name === 'http-log')
      .map(({ config }) => String(config['http_endpoint']));
    const eventFunctions = [...sources.map(({ sink }) => sink), ...logs.map(sinkOf)].map(({ service, path }) => {
      const name = /^\/events\/([\w-]+)$/.exec(path)?.[1] ?? '';
      expect({ name, service }).toEqual({ name, service: hostOf(name)?.name });
      return name;
    });
    expect([...new Set(eventFunctions)].sort()).toEqual(
      all()
        .filter(({ event }) => event)
        .map(({ name }) => name)
        .sort(),
    );
  });

  test('a function takes the events that its source sends', () => {
    const typesOf = (path: string) => declarationOf(path.replace('/events/', ''))?.event?.types;
    for (const { sink } of manifests.pingSources) expect(typesOf(sink.path)).toEqual([SCHEDULE_TYPE]);
    for (const { sink } of manifests.kafkaSources) expect(typesOf(sink.path)).not.toContain(SCHEDULE_TYPE);
  });

  test('every topic of the code has its KafkaTopic, and every KafkaTopic is in the code or is for dead letters', () => {
    const named = new Set(
      productFiles.flatMap(({ text }) =>
        [...text.matchAll(/(?:_TOPIC =|\btopic:) '(one-gate\.[a-z.-]+)'/g)].map(([, topic]) => topic),
      ),
    );
    const letters = new Set(manifests.kafkaSources.map(({ deadLetterTopic }) => deadLetterTopic));
    const topics = manifests.topics.map(({ name }) => name).filter((name) => !letters.has(name));
    expect(topics.sort()).toEqual([...named].sort());
  });

  test('a source knows its dead letters, and its group begins with the first event', () => {
    for (const { name, topics, consumerGroup, fromBeginning, deadLetterTopic } of manifests.kafkaSources) {
      expect({ name, consumerGroup, fromBeginning, deadLetterTopic }).toEqual({
        name,
        consumerGroup: name,
        fromBeginning: true,
        deadLetterTopic: `${topics[0]}.dead-letters`,
      });
    }
  });

  test.each(OVERLAYS)(
    'all instances of all functions together fit into the database’s connections (%s)',
    async (overlay) => {
      expect(connectionsOf(await readMeanings(overlay))).toBeLessThanOrEqual(CONNECTION_BUDGET);
    },
  );
});

/** The Service and the path of the address that the gateway posts its log to. */
function sinkOf(endpoint: string): { service: string; path: string } {
  const { hostname, pathname } = new URL(endpoint);
  expect(hostname.slice(hostname.indexOf('.'))).toBe(`.${NAMESPACE}.svc.cluster.local`);
  return { service: hostname.split('.')[0] ?? '', path: pathname };
}

/** "GET /v1/transactions/{}" for a declared route and for Kong's regular expression alike. */
function shape(route: string): string {
  return route
    .replace(/ ~/, ' ')
    .replace(/\$$/, '')
    .replaceAll('\\', '')
    .replace(/\{\w+\}|\[[^\]]+\]\+/g, '{}');
}

function markdownFiles(): string[] {
  const folders = ['.ci', 'functions', 'shared', 'knative', 'kong', 'migrations', 'test'];
  const below = (folder: string) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return ['README.md', ...folders.flatMap(below).filter((name) => name.endsWith('.md'))];
}

/**
 * Numbers of lines that are too long. A row of a table cannot be broken, commands and the output of programs stay as
 * they are.
 */
function wideLines(path: string): number[] {
  const lines = readFileSync(join(ROOT, path), 'utf8').split('\n');
  let fenced = false;
  return lines.flatMap((line, index) => {
    if (line.trimStart().startsWith('```')) fenced = !fenced;
    return fenced || line.startsWith('|') || [...line].length <= 120 ? [] : [index + 1];
  });
}

function sourceOf(path: string): string {
  return files.find((file) => file.path === path)?.text ?? '';
}

function sourcesBelow(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => {
      const path = join(folder, name);
      return { path, text: readFileSync(join(ROOT, path), 'utf8'), imports: importsOf(path) };
    });
}

function importsOf(path: string): Import[] {
  const found: Import[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const each = node as Record<string, unknown> & { type?: string };
    const source = each['source'] as { value?: string } | null | undefined;
    if (/^(Import|ExportNamed|ExportAll)/.test(each.type ?? '') && source?.value) {
      found.push({ to: resolveFrom(path, source.value), typeOnly: each['typeOnly'] === true });
    }
    if (each.type === 'CallExpression' && (each['callee'] as { type?: string }).type === 'Import') {
      const [argument] = each['arguments'] as { expression?: { value?: unknown } }[];
      const name = argument?.expression?.value;
      if (typeof name === 'string') found.push({ to: resolveFrom(path, name), typeOnly: false });
    }
    if (each.type === 'TsImportType') {
      found.push({ to: resolveFrom(path, (each['argument'] as { value: string }).value), typeOnly: true });
    }
    for (const part of Object.values(each)) visit(part);
  };
  visit(parseFileSync(join(ROOT, path), { syntax: 'typescript', target: 'es2024' }).body);
  return found;
}

function resolveFrom(path: string, name: string): string {
  return name.startsWith('.') ? normalize(join(dirname(path), name)) : name;
}

/** The rooms that each room imports. Imports within a room, and those of packages, do not count. */
function importGraph(sources: SourceFile[], roomOf: (path: string) => string): Map<string, Set<string>> {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)));
  const graph = new Map([...rooms].map((room) => [room, new Set<string>()]));
  for (const { path, imports } of sources) {
    for (const { to } of imports)
      if (rooms.has(roomOf(to)) && roomOf(to) !== roomOf(path)) graph.get(roomOf(path))?.add(roomOf(to));
  }
  return graph;
}

/** Each cycle once, as "a -> b -> a". */
function cycles(graph: ReadonlyMap<string, Iterable<string>>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(' -> '));
    if (at >= 0 || done.has(path)) return;
    for (const to of graph.get(path) ?? []) walk(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}
