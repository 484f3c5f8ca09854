// Writes Kong's services and routes, which follow from the declarations of functions and the Services that host them.
// kong/routes.yaml is the result for all functions; kong/render.ts joins it with kong.yaml.

import { stringify } from 'yaml';
import type { Address, FunctionDeclaration, HttpTrigger, Method } from '../shared/platform/http/function.ts';

export interface HostedFunction {
  declaration: FunctionDeclaration;
  /** The Knative Service that hosts it. */
  service: { name: string; timeoutSeconds: number };
}

/** Kong waits so much longer than the Service's own timeout, so that a cold start fits in. */
const PATIENCE_SECONDS = 10;
const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

// biome-ignore lint/suspicious/noExplicitAny: as in FunctionDeclaration.
type Http = HttpTrigger<any, any, any, any, any>;

interface Endpoint {
  name: string;
  http: Http;
  service: HostedFunction['service'];
}

/** A path with all its methods. `/v1/notes/{id}` and `/v1/notes/{note}` are one path. */
interface Path {
  template: string;
  /** With `{}` for each parameter. */
  shape: string;
  endpoints: Map<Method, Endpoint>;
  /** The paths with parameters that match this path as well, and that it wins over. */
  hidden: Path[];
}

interface Plugin {
  name: string;
  _config?: string;
  config?: Record<string, unknown>;
}

interface Route {
  name: string;
  methods?: string[];
  paths: string[];
  regex_priority?: number;
  response_buffering?: false;
  plugins: Plugin[];
}

/** The text of kong/routes.yaml. Throws a sentence for a declaration that Kong would not play as the host does. */
export function routesFile(functions: readonly HostedFunction[]): string {
  const endpoints = functions.flatMap(({ declaration: { name, http }, service }) =>
    http ? [{ name, http, service }] : [],
  );
  for (const endpoint of endpoints) refuseUnprotected(endpoint);
  const paths = pathsOf(endpoints);
  const routesOf = (service: string) =>
    sorted(endpoints, ({ name }) => name)
      .filter((endpoint) => endpoint.service.name === service)
      .flatMap((endpoint) => routesOfEndpoint(endpoint, paths));
  const services = new Map(endpoints.map(({ service }) => [service.name, service]));
  return [
    "# Kong's services and routes, from the declarations of functions and the Services of knative/base.",
    '# `make generate` writes this file. kong/render.ts joins it with kong.yaml, which has the settings of _config.',
    'services:',
    ...sorted([...services.values()], ({ name }) => name).flatMap(({ name, timeoutSeconds }) => [
      `  - name: ${name}`,
      `    url: http://${name}.\${NAMESPACE}.svc.cluster.local:80`,
      `    read_timeout: ${(timeoutSeconds + PATIENCE_SECONDS) * 1000}`,
      '    routes:',
      ...routesOf(name).map((route) => `      - ${flow(route)}`),
    ]),
    '',
    '# Methods that a path does not have. A route with methods wins over one without.',
    'routes:',
    ...refusals(paths).flatMap(({ paths: refused, plugins, ...rest }) => [
      // One path to a line, since there are many.
      ...Object.entries(rest).map(
        ([field, value], index) => `${index === 0 ? '  - ' : '    '}${field}: ${flow(value)}`,
      ),
      '    paths:',
      ...refused.map((path) => `      - ${flow(path)}`),
      `    plugins: ${flow(plugins)}`,
    ]),
    '',
    'plugins:',
    `  - ${flow(cors(endpoints))}`,
    '',
  ].join('\n');
}

/** On one line. Kong reads YAML 1.1, which takes more for numbers and truths than YAML 1.2 does. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, compat: 'yaml-1.1' }).trimEnd();
}

function refuseUnprotected({ name, http }: Endpoint): void {
  const { caller, limit } = http;
  if (caller.scheme === 'api-key') {
    if (!caller.groups?.length)
      throw new Error(`${name} names no group, and Kong would let in every consumer with a key.`);
    if (limit) throw new Error(`${name} has a limit, and Kong would prefer those of its consumers.`);
  } else if (!limit) throw new Error(`${name} has no limit.`);
  else if (limit.by === 'user' && caller.scheme === 'none') {
    throw new Error(`${name} has a limit by user and asks for no token, so that Kong would not know the user.`);
  }
}

function pathsOf(endpoints: readonly Endpoint[]): Path[] {
  const paths = new Map<string, Path>();
  for (const endpoint of endpoints) {
    for (const address of addressesOf(endpoint.http)) {
      const [method, template] = address.split(' ') as [Method, string];
      const shape = template.replace(/\{\w+\}/g, '{}');
      const path = paths.get(shape) ?? { template, shape, endpoints: new Map(), hidden: [] };
      const other = path.endpoints.get(method);
      if (other) throw new Error(`${other.name} and ${endpoint.name} both declare ${address}.`);
      path.endpoints.set(method, endpoint);
      paths.set(shape, path);
    }
  }
  const all = sorted([...paths.values()], ({ shape }) => shape);
  for (const path of all) path.hidden = all.filter((other) => other !== path && isHidden(other, path));
  return all;
}

function addressesOf({ route, alsoAt = [] }: Http): Address[] {
  return [route, ...alsoAt];
}

/** Throws when neither of two paths with parameters is the more exact one. */
function isHidden(hidden: Path, path: Path): boolean {
  const [one, other] = [hidden.shape.split('/'), path.shape.split('/')];
  const overlap =
    one.length === other.length &&
    one.every((segment, index) => [segment, other[index]].includes('{}') || segment === other[index]);
  if (overlap && path.shape.includes('{}') && hidden.shape.includes('{}')) {
    throw new Error(`${hidden.template} and ${path.template} match the same addresses, and neither is exact.`);
  }
  return overlap && hidden.shape.includes('{}');
}

/** One route for all paths with the same methods. */
function routesOfEndpoint(endpoint: Endpoint, paths: readonly Path[]): Route[] {
  const { name, http } = endpoint;
  const own = paths.flatMap((path) => {
    const methods = withHead([...path.endpoints].flatMap(([method, each]) => (each === endpoint ? [method] : [])));
    return methods.length > 0 ? [{ path, methods }] : [];
  });
  const groups = Map.groupBy(own, ({ path, methods }) => `${methods} ${isPreferred(path)}`);
  return numbered(
    [...groups.values()].map((group) => ({
      name,
      methods: group[0]?.methods ?? [],
      ...matching(group.map(({ path }) => path)),
      ...(http.streams && { response_buffering: false }),
      plugins: pluginsOf(http),
    })),
  );
}

function pluginsOf({ caller: { scheme, groups = [], from }, limit }: Http): Plugin[] {
  const plugins: Plugin[] = [];
  if (scheme === 'bearer') plugins.push({ name: 'jwt', _config: 'access-token' });
  if (scheme === 'api-key') {
    plugins.push({ name: 'key-auth', _config: 'api-key' });
    plugins.push({ name: 'acl', _config: 'permissions', config: { allow: [...groups] } });
    plugins.push(LOG);
  }
  if (from === 'operator-networks') plugins.push({ name: 'ip-restriction', _config: 'operators' });
  if (limit) {
    const config = { minute: limit.perMinute, ...(limit.whenUncounted === 'refuse' && { fault_tolerant: false }) };
    plugins.push({ name: 'rate-limiting', _config: `limit-by-${limit.by}`, config });
  }
  return plugins;
}

const LOG: Plugin = { name: 'http-log', _config: 'log-access' };

/**
 * Refuses the methods that a path does not have, even where a path that it hides has them. One route for all paths with
 * the same answer.
 */
function refusals(paths: readonly Path[]): Route[] {
  const all = paths.flatMap((path) => {
    const own = [...path.endpoints.keys()];
    const isLogged = [...path.endpoints.values()].some(({ http }) => http.caller.scheme === 'api-key');
    const foreign = path.hidden
      .flatMap(({ endpoints }) => [...endpoints.keys()])
      .filter((method) => !own.includes(method));
    const refusal = { path, own: inOrder(own), isLogged, foreign: [] as string[] };
    return foreign.length > 0 ? [refusal, { ...refusal, foreign: withHead(foreign) }] : [refusal];
  });
  const groups = Map.groupBy(all, ({ path, own, isLogged, foreign }) =>
    [own, isLogged, foreign, isPreferred(path)].join(' '),
  );
  return numbered(
    [...groups.values()].map((group) => {
      const { own = [], isLogged = false, foreign = [] } = group[0] ?? {};
      return {
        name: ['only', ...own, ...(isLogged ? ['regulators'] : [])].join('-').toLowerCase(),
        ...(foreign.length > 0 && { methods: foreign }),
        ...matching(group.map(({ path }) => path)),
        plugins: [
          { name: 'request-termination', _config: 'method-not-allowed' },
          { name: 'response-transformer', config: { add: { headers: [`Allow:${withHead(own).join(', ')}`] } } },
          ...(isLogged ? [LOG] : []),
        ],
      };
    }),
  );
}

/** The headers that declarations ask for, and two that every request may have. */
function cors(endpoints: readonly Endpoint[]): Plugin {
  const all = endpoints.map(({ http }) => http);
  const methods = withHead(all.flatMap(addressesOf).map((address) => address.split(' ')[0] as Method));
  const headers = [
    ...(all.some(({ caller }) => caller.scheme === 'bearer') ? ['Authorization'] : []),
    ...(all.some(({ body }) => body) ? ['Content-Type'] : []),
    ...(all.some(({ idempotencyKey }) => idempotencyKey) ? ['Idempotency-Key'] : []),
    'X-Request-Id',
    'traceparent',
  ];
  return { name: 'cors', _config: 'browsers', config: { methods, headers } };
}

/** An exact path must win over the paths with parameters that it hides, which Kong does not ensure by itself. */
function matching(paths: readonly Path[]): Pick<Route, 'paths' | 'regex_priority'> {
  return { paths: paths.map(expression), ...(paths.some(isPreferred) && { regex_priority: 1 }) };
}

function isPreferred({ hidden }: Path): boolean {
  return hidden.length > 0;
}

function expression({ shape }: Path): string {
  return `~${shape.replaceAll('.', '\\.').replaceAll('{}', '[^/]+')}$`;
}

function inOrder(methods: readonly Method[]): Method[] {
  return METHODS.filter((method) => methods.includes(method));
}

/** HEAD is answered where GET is. */
function withHead(methods: readonly Method[]): string[] {
  return inOrder(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

/** Names are unique in Kong: the second route of a name gets "-2". */
function numbered(routes: readonly Route[]): Route[] {
  const seen = new Map<string, number>();
  return routes.map((route) => {
    const number = (seen.get(route.name) ?? 0) + 1;
    seen.set(route.name, number);
    return number === 1 ? route : { ...route, name: `${route.name}-${number}` };
  });
}

function sorted<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  return [...items].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
