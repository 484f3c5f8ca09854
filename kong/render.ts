// Joins kong.yaml with routes.yaml and puts in the values of a place: the public keys of access tokens, by kid, the
// digests of regulators' API keys, the proof that functions know Kong by, and the addresses. Kong reads its keys literally (a vault reference there would
// itself become the key), so this happens before Kong sees the file.

import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { isNetwork } from '../shared/platform/http/network.ts';
import { type ApiKey, refuseUnusableKeys } from './api-key.ts';

export interface Place {
  /** The platform's address from outside, without a trailing slash. */
  publicUrl: string;
  /** The namespace of the functions' Services. */
  namespace: string;
  redisHost: string;
  /** A JWK set, as the ConfigMap's token-public-keys holds it. Private members are never copied. */
  publicKeys: string;
  /** The gateway's proof for functions: the first, if GATEWAY_PROOF holds two with a comma between. */
  gatewayProof: string;
  /** The networks that operators call from, such as 10.20.0.0/16: no other address reaches their functions. */
  operatorAddresses: readonly string[];
  /** The keys of regulators. A regulator without any is not let in. */
  apiKeys: readonly ApiKey[];
}

/** The texts of kong.yaml, which is written by hand, and of routes.yaml, which is generated. */
export interface KongFiles {
  kong: string;
  routes: string;
}

export async function kongFiles(): Promise<KongFiles> {
  const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');
  return { kong: await read('kong.yaml'), routes: await read('routes.yaml') };
}

const plugin = v.looseObject({
  name: v.string(),
  _config: v.optional(v.string()),
  config: v.optional(v.record(v.string(), v.unknown())),
});
const plugins = v.optional(v.array(plugin), []);
const route = v.looseObject({ name: v.string(), plugins });
const consumer = v.looseObject({
  username: v.string(),
  custom_id: v.optional(v.string()),
  jwt_secrets: v.optional(v.array(v.unknown())),
  keyauth_credentials: v.optional(v.array(v.unknown())),
  plugins,
});
const settings = v.record(v.string(), v.unknown());
const handWritten = v.looseObject({
  _info: v.object({ defaults: v.object({ service: settings, route: settings }) }),
  _plugin_configs: v.record(v.string(), settings),
  consumers: v.array(consumer),
  plugins,
});
const generated = v.strictObject({
  services: v.array(v.looseObject({ name: v.string(), routes: v.array(route) })),
  routes: v.array(route),
  plugins,
});
type Plugin = v.InferOutput<typeof plugin>;
type Settings = v.InferOutput<typeof settings>;

/** The configuration of Kong for a place. Throws a sentence when the place or one of the files is not usable. */
export function renderKong(files: KongFiles, place: Place): string {
  const values = placeholders(place);
  const { _info, _plugin_configs, consumers, plugins, ...rest } = read('kong.yaml', files.kong, handWritten, values);
  const added = read('routes.yaml', files.routes, generated, values);
  const { defaults } = _info;
  const complete = <Entity extends { plugins: Plugin[] }>({ plugins, ...entity }: Entity) => ({
    ...entity,
    plugins: plugins.map((each) => withSettings(each, _plugin_configs)),
  });
  const content = {
    ...rest,
    consumers: withKeys(consumers, place).map(complete),
    services: added.services.map(({ routes, ...service }) => ({
      ...over(service, defaults.service),
      routes: routes.map((each) => complete(over(each, defaults.route))),
    })),
    routes: added.routes.map((each) => complete(over(each, defaults.route))),
    plugins: complete({ plugins: [...plugins, ...added.plugins] }).plugins,
  };
  // Kong reads YAML 1.1, which takes more for numbers and truths than YAML 1.2 does.
  return stringify(content, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
}

function placeholders({
  publicUrl,
  namespace,
  redisHost,
  operatorAddresses,
  gatewayProof,
}: Place): Record<string, string> {
  if (!/^https?:\/\/[\w.:[\]-]+$/.test(publicUrl)) {
    throw new Error(`The public address must be scheme and host without a slash at the end, not ${publicUrl}.`);
  }
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) throw new Error(`${namespace} is not a namespace.`);
  if (!/^[\w.-]+$/.test(redisHost)) throw new Error(`${redisHost} is not a host name for Redis.`);
  const [proof = ''] = gatewayProof.trim().split(',');
  // The sentence does not hold the value itself.
  if (!/^[\w-]{32,256}$/.test(proof)) throw new Error('The proof must be 32 to 256 letters, digits, - and _.');
  return {
    GATEWAY_PROOF: proof,
    PUBLIC_URL: publicUrl,
    NAMESPACE: namespace,
    REDIS_HOST: redisHost,
    OPERATOR_ADDRESSES: withinQuotes(operatorAddresses),
  };
}

function read<Schema extends v.GenericSchema>(
  file: string,
  text: string,
  schema: Schema,
  values: Readonly<Record<string, string>>,
): v.InferOutput<Schema> {
  const filled = text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${file} has a placeholder ${name} that nothing is known for.`);
    return value;
  });
  const { success, output, issues } = v.safeParse(schema, parse(filled));
  if (!success) throw new Error(`${file}: ${v.getDotPath(issues[0]) ?? ''}: ${issues[0].message}.`);
  return output;
}

function withSettings({ _config: name, ...rest }: Plugin, all: Readonly<Record<string, Settings>>) {
  if (name === undefined) return rest;
  const shared = all[name];
  if (!shared) throw new Error(`kong.yaml has no _plugin_configs named ${name}.`);
  return { ...rest, config: over(rest.config ?? {}, shared) };
}

/** `own`, with the missing settings of `others`. */
function over<Own extends object>(own: Own, others: Settings): Own & Settings {
  const missing = Object.entries(others).filter(([name]) => !Object.hasOwn(own, name));
  return { ...own, ...Object.fromEntries(missing) };
}

/** Fills the lists that exist: a consumer without one takes no keys of that kind. */
function withKeys(consumers: v.InferOutput<typeof consumer>[], { publicKeys, apiKeys }: Place) {
  const holders = consumers.filter(({ keyauth_credentials: keys }) => keys).map(({ username }) => username);
  refuseUnusableKeys(apiKeys, new Set(holders));
  if (!consumers.some(({ jwt_secrets: keys }) => keys)) {
    throw new Error('kong.yaml has no consumer with jwt_secrets to put the keys into.');
  }
  return consumers.map((each) => ({
    ...each,
    ...(each.jwt_secrets && { jwt_secrets: credentialsOf(publicKeys) }),
    ...(each.keyauth_credentials && {
      keyauth_credentials: apiKeys
        .filter((key) => key.consumer === each.username)
        .map(({ digest }) => ({ key: digest })),
    }),
  }));
}

/** Replaces one text in quotes by a list of them. */
function withinQuotes(networks: readonly string[]): string {
  if (networks.length === 0)
    throw new Error('Operators need at least one network to call from: Kong takes none for all.');
  const wrong = networks.find((network) => !isNetwork(network));
  if (wrong !== undefined) throw new Error(`${wrong} is not an IP address or a network such as 10.0.0.0/8.`);
  return networks.join('", "');
}

function credentialsOf(publicKeys: string) {
  const { keys } = JSON.parse(publicKeys) as { keys: (JsonWebKey & { kid?: string })[] };
  if (keys.length === 0) throw new Error('The JWK set holds no key: no user could log in.');
  return keys.map((key) => {
    if (!key.kid) throw new Error('A key of the JWK set has no kid.');
    if (key.kty !== 'OKP' || key.crv !== 'Ed25519') throw new Error(`The key ${key.kid} is not Ed25519.`);
    const pem = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.x ?? '' }, format: 'jwk' });
    return { key: key.kid, algorithm: 'EdDSA', rsa_public_key: pem.export({ type: 'spki', format: 'pem' }).toString() };
  });
}

const listed = v.array(v.object({ consumer: v.string(), gateway_digest: v.string(), active: v.boolean() }));

/** The `data` of GET /v1/operator/api-keys, without keys that are not active any more. */
export function activeApiKeys(json: string): ApiKey[] {
  const { success, output } = v.safeParse(listed, JSON.parse(json));
  if (!success) throw new Error('The API keys must be a list such as GET /v1/operator/api-keys gives in data.');
  const active = output.filter((key) => key.active);
  return active.map(({ consumer, gateway_digest: digest }) => ({ consumer, digest }));
}

// node kong/render.ts --public-url https://... --redis-host redis --keys jwks.json --proof file --operator-addresses 10.20.0.0/16
if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      'public-url': { type: 'string' },
      namespace: { type: 'string', default: 'one-gate' },
      'redis-host': { type: 'string' },
      keys: { type: 'string' },
      proof: { type: 'string' },
      'operator-addresses': { type: 'string' },
      'api-keys': { type: 'string' },
    },
  });
  const { 'public-url': publicUrl, namespace, 'redis-host': redisHost, keys, proof } = values;
  const { 'operator-addresses': addresses } = values;
  if (!publicUrl || !redisHost || !keys || !proof || !addresses) {
    process.stderr.write(
      'node kong/render.ts --public-url URL --redis-host HOST --keys FILE --proof FILE --operator-addresses NETWORK,... ' +
        '[--namespace NAME] [--api-keys FILE] > rendered.yaml\n' +
        'The namespace is one-gate unless given. ' +
        'Without --api-keys (the data of GET /v1/operator/api-keys) no regulator is let in.\n',
    );
    process.exit(64);
  }
  const operatorAddresses = addresses.split(',').map((network) => network.trim());
  const publicKeys = await readFile(keys, 'utf8');
  // From a file: every user of the machine can see command lines.
  const gatewayProof = await readFile(proof, 'utf8');
  const apiKeys = values['api-keys'] ? activeApiKeys(await readFile(values['api-keys'], 'utf8')) : [];
  const place = { publicUrl, namespace, redisHost, publicKeys, gatewayProof, operatorAddresses, apiKeys };
  process.stdout.write(renderKong(await kongFiles(), place));
}
