// Reads kong.yaml (rendered) and understands every word of it, or refuses: what the local gateway passed over in silence would first
// be noticed in production.

import { createPublicKey } from 'node:crypto';
import * as v from 'valibot';
import { parse } from 'yaml';
import { apiKeysOf } from './api-keys.ts';
import { type consumer, file, type plugin, type route } from './configuration-schema.ts';
import { ofConsumers } from './consumer-plugins.ts';
import { snippets } from './lua-snippets.ts';
import type { ApiKeys, Consumer, Credential, Ground, Handler } from './plugin.ts';
import * as acl from './plugins/acl.ts';
import * as correlationId from './plugins/correlation-id.ts';
import * as cors from './plugins/cors.ts';
import * as httpLog from './plugins/http-log.ts';
import * as ipRestriction from './plugins/ip-restriction.ts';
import * as jwt from './plugins/jwt.ts';
import * as keyAuth from './plugins/key-auth.ts';
import * as opentelemetry from './plugins/opentelemetry.ts';
import * as rateLimiting from './plugins/rate-limiting.ts';
import * as requestTermination from './plugins/request-termination.ts';
import * as responseTransformer from './plugins/response-transformer.ts';

interface PluginKind<Schema extends v.GenericSchema> {
  schema: Schema;
  /** The scope says what carries the plugin: "routes pay", "consumers ojk". */
  create(config: v.InferOutput<Schema>, ground: Ground, scope: string): Handler;
}

const made = <Schema extends v.GenericSchema>({ schema, create }: PluginKind<Schema>) => ({
  build: (config: unknown, ground: Ground, scope: string, place: string) =>
    create(check(schema, config, place), ground, scope),
});

const PLAYED = {
  acl: made(acl),
  'correlation-id': made(correlationId),
  cors: made(cors),
  'http-log': made(httpLog),
  'ip-restriction': made(ipRestriction),
  jwt: made(jwt),
  'key-auth': made(keyAuth),
  opentelemetry: made(opentelemetry),
  'rate-limiting': made(rateLimiting),
  'request-termination': made(requestTermination),
  'response-transformer': made(responseTransformer),
};

/** What plugins of Kong do beside the request's way, and we leave to it; named at start. */
const NOT_PLAYED: Readonly<Record<string, string>> = {
  prometheus: 'metrics of the gateway',
  opentelemetry: 'spans of the gateway',
};

export interface Upstream {
  name: string;
  url: URL;
  connectTimeout: number;
  readTimeout: number;
}

export interface Route {
  name: string;
  methods: string[] | undefined;
  paths: string[];
  regexPriority: number;
  stripPath: boolean;
  /** Undefined where a plugin answers for want of a function. */
  upstream: Upstream | undefined;
  /** In Kong's order. */
  handlers: Handler[];
}

export interface Configuration {
  routes: Route[];
  /** What runs where no route matches. */
  global: Handler[];
  /** "prometheus: metrics of the gateway", one per plugin that is left to Kong. */
  notPlayed: string[];
}

/** Throws a sentence that names the place of whatever cannot be played. */
export function readConfiguration(
  text: string,
  ground: Omit<Ground, 'credentials' | 'apiKeys'>,
): Configuration & { credentials: number; apiKeys: ApiKeys } {
  const content = check(file, parse(text), '');
  const consumers = new Map(content.consumers.map((each) => [each.username, consumerOf(each)]));
  const apiKeys = keysOf(content.consumers, consumers);
  const complete: Ground = { ...ground, credentials: credentialsOf(content.consumers, consumers), apiKeys };
  const notPlayed = new Set<string>();
  const build = (plugins: Plugin[], place: string) =>
    buildAll(plugins, complete, place, (name, what) => notPlayed.add(`${name}: ${what}`));

  const global = build(content.plugins, 'plugins');
  const personal = new Map(
    content.consumers.map(({ username, plugins }) => [username, build(plugins, `consumers ${username}`)]),
  );
  const routes: Route[] = [];
  const add = (each: v.InferOutput<typeof route>, place: string, upstream?: Upstream, ofService = new Map()) => {
    const own = build(each.plugins, place);
    // Kong runs a plugin once, the nearest to the route.
    const all = new Map<string, Handler[]>([...global, ...ofService, ...own]);
    routes.push({
      name: each.name,
      methods: each.methods,
      paths: each.paths,
      regexPriority: each.regex_priority,
      stripPath: each.strip_path,
      upstream,
      handlers: ordered(ofConsumers(personal, all)),
    });
  };
  for (const { routes: own, plugins, ...rest } of content.services) {
    const upstream: Upstream = {
      name: rest.name,
      url: new URL(rest.url),
      connectTimeout: rest.connect_timeout,
      readTimeout: rest.read_timeout,
    };
    const ofService = build(plugins, `services ${rest.name}`);
    for (const each of own) add(each, `routes ${each.name}`, upstream, ofService);
  }
  for (const each of content.routes) add(each, `routes ${each.name}`);
  refuseDuplicates(routes);
  const credentials = complete.credentials.size;
  return { routes, global: ordered(global), notPlayed: [...notPlayed], credentials, apiKeys };
}

type Plugin = v.InferOutput<typeof plugin>;

function buildAll(
  plugins: Plugin[],
  ground: Ground,
  place: string,
  leaveOut: (name: string, what: string) => void,
): Map<string, Handler[]> {
  const built = new Map<string, Handler[]>();
  for (const { name, config } of plugins) {
    const here = `${place}, plugin ${name}`;
    const left = NOT_PLAYED[name];
    if (left !== undefined) leaveOut(name, left);
    if (name === 'pre-function' || name === 'post-function') built.set(name, luaOf(name, config, ground, here));
    else if (Object.hasOwn(PLAYED, name)) {
      built.set(name, [PLAYED[name as keyof typeof PLAYED].build(config, ground, place, here)]);
    } else if (left === undefined) throw new Error(`kong.yaml: ${here}: the local gateway does not know this plugin.`);
  }
  return built;
}

const PHASES = { access: 'access', header_filter: 'headerFilter', body_filter: 'bodyFilter' } as const;

function luaOf(name: 'pre-function' | 'post-function', config: unknown, ground: Ground, place: string): Handler[] {
  const code = v.optional(v.array(v.string()), []);
  const phases = check(
    v.strictObject({ access: code, header_filter: code, body_filter: code } satisfies Record<
      keyof typeof PHASES,
      unknown
    >),
    config,
    place,
  );
  return Object.entries(phases).flatMap(([phase, pieces]) =>
    pieces.map((lua) => {
      const known = /^-- name: ([\w-]+)\n/.exec(lua)?.[1];
      const snippet = known === undefined ? undefined : snippets[known]?.(ground, lua);
      if (!known) throw new Error(`kong.yaml: ${place}: the Lua must begin with a line "-- name: ...".`);
      if (!snippet) throw new Error(`kong.yaml: ${place}: the local gateway does not know the Lua named ${known}.`);
      if (!(PHASES[phase as keyof typeof PHASES] in snippet)) {
        throw new Error(`kong.yaml: ${place}: ${known} does not belong into ${phase}.`);
      }
      return { priority: name === 'pre-function' ? 1_000_000 : -1000, ...snippet };
    }),
  );
}

function ordered(plugins: ReadonlyMap<string, Handler[]>): Handler[] {
  return [...plugins.values()].flat().sort((one, other) => other.priority - one.priority);
}

type ConsumerFile = v.InferOutput<typeof consumer>;

function consumerOf({ username, custom_id: customId, acls }: ConsumerFile): Consumer {
  return { username, customId, groups: acls.map(({ group }) => group) };
}

function credentialsOf(files: ConsumerFile[], consumers: ReadonlyMap<string, Consumer>): Map<string, Credential> {
  const credentials = new Map<string, Credential>();
  for (const { username, jwt_secrets: secrets } of files) {
    const owner = consumers.get(username);
    for (const { key, algorithm, rsa_public_key: pem } of owner ? secrets : []) {
      if (credentials.has(key)) throw new Error(`kong.yaml: two credentials have the key ${key}.`);
      credentials.set(key, { key, algorithm, publicKey: createPublicKey(pem), consumer: owner as Consumer });
    }
  }
  return credentials;
}

/** Only consumers with a list of keys, though it be empty, can be given some. */
function keysOf(files: ConsumerFile[], consumers: ReadonlyMap<string, Consumer>): ApiKeys {
  const holders = files.filter(({ keyauth_credentials: keys }) => keys !== undefined).map(({ username }) => username);
  const apiKeys = apiKeysOf(new Map([...consumers].filter(([username]) => holders.includes(username))));
  apiKeys.replace(
    files.flatMap(({ username, keyauth_credentials: keys }) =>
      (keys ?? []).map(({ key }) => ({ consumer: username, digest: key })),
    ),
  );
  return apiKeys;
}

function refuseDuplicates(routes: Route[]): void {
  const seen = new Set<string>();
  for (const { name } of routes) {
    if (seen.has(name)) throw new Error(`kong.yaml: two routes are called ${name}.`);
    seen.add(name);
  }
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, place: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = [place, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join(', ');
  throw new Error(`kong.yaml: ${where}: ${issue.message}.`);
}
