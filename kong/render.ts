// Puts into kong.yaml what belongs to a place: the public keys of access tokens, by kid, the digests of regulators' API keys, and the
// addresses. Kong reads its keys literally (a vault reference there would itself become the key), so this happens before Kong sees the
// file.

import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { type Document, isAlias, isMap, isSeq, type Node, parseDocument, visit } from 'yaml';
import { isNetwork } from '../shared/http/network.ts';
import { type ApiKey, refuseUnusableKeys } from './api-key.ts';

export interface Place {
  /** Where the platform is reached from outside, without a trailing slash. */
  publicUrl: string;
  redisHost: string;
  /** A JWK set, as the ConfigMap's token-public-keys holds it. Private members are never copied. */
  publicKeys: string;
  /** The networks that operators call from, such as 10.20.0.0/16: nobody else reaches their functions. */
  operatorAddresses: readonly string[];
  /** The keys that regulators may use; with none of a regulator's, it is not let in. */
  apiKeys: readonly ApiKey[];
}

/** The text of kong.yaml for a place. Throws a sentence when the place or the template is not usable. */
export function renderKong(template: string, place: Place): string {
  if (!/^https?:\/\/[\w.:[\]-]+$/.test(place.publicUrl)) {
    throw new Error(`The public address must be scheme and host without a slash at the end, not ${place.publicUrl}.`);
  }
  if (!/^[\w.-]+$/.test(place.redisHost)) throw new Error(`${place.redisHost} is not a host name for Redis.`);
  const values: Record<string, string> = {
    PUBLIC_URL: place.publicUrl,
    REDIS_HOST: place.redisHost,
    OPERATOR_ADDRESSES: withinQuotes(place.operatorAddresses),
  };
  const filled = template.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`kong.yaml has a placeholder ${name} that nothing is known for.`);
    return value;
  });
  const document = parseDocument(filled);
  if (document.errors[0]) throw new Error(`kong.yaml cannot be read: ${document.errors[0].message}`);
  const slot = document.getIn(['consumers', 0, 'jwt_secrets']);
  if (!isSeq(slot)) throw new Error('kong.yaml has no consumers[0].jwt_secrets to put the keys into.');
  document.setIn(['consumers', 0, 'jwt_secrets'], document.createNode(credentialsOf(place.publicKeys)));
  putKeys(document, place.apiKeys);
  writeOut(document);
  return document.toString({ lineWidth: 0 });
}

/** Into the lists of the consumers that have one. */
function putKeys(document: Document, keys: readonly ApiKey[]): void {
  const consumers = document.get('consumers');
  const holders = new Map<string, number>();
  for (const [index, each] of (isSeq(consumers) ? consumers.items : []).entries()) {
    if (isMap(each) && each.has('keyauth_credentials')) holders.set(String(each.get('username')), index);
  }
  refuseUnusableKeys(keys, new Set(holders.keys()));
  for (const [username, index] of holders) {
    const own = keys.filter(({ consumer }) => consumer === username).map(({ digest }) => ({ key: digest }));
    document.setIn(['consumers', index, 'keyauth_credentials'], document.createNode(own));
  }
}

/** What kong.yaml says once and refers to, Kong gets in full each time. */
function writeOut(document: Document): void {
  visit(document, { Alias: (_key, alias) => alias.resolve(document)?.clone() as Node });
  visit(document, { Node: (_key, node) => void (isAlias(node) || delete node.anchor) });
}

/** One text in quotes becomes a list of them. */
function withinQuotes(networks: readonly string[]): string {
  if (networks.length === 0)
    throw new Error('Operators need at least one network to call from: Kong takes none for all.');
  const wrong = networks.find((network) => !isNetwork(network));
  if (wrong !== undefined) throw new Error(`${wrong} is not an IP address or a network such as 10.0.0.0/8.`);
  return networks.join('", "');
}

function credentialsOf(publicKeys: string) {
  const { keys } = JSON.parse(publicKeys) as { keys: (JsonWebKey & { kid?: string })[] };
  if (keys.length === 0) throw new Error('The JWK set holds no key: nobody could log in.');
  return keys.map((key) => {
    if (!key.kid) throw new Error('A key of the JWK set has no kid.');
    if (key.kty !== 'OKP' || key.crv !== 'Ed25519') throw new Error(`The key ${key.kid} is not Ed25519.`);
    const pem = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.x ?? '' }, format: 'jwk' });
    return { key: key.kid, algorithm: 'EdDSA', rsa_public_key: pem.export({ type: 'spki', format: 'pem' }).toString() };
  });
}

const listed = v.array(v.object({ consumer: v.string(), gateway_digest: v.string(), active: v.boolean() }));

/** The `data` of GET /v1/operator/api-keys; keys that are not active any more are left out. */
export function activeApiKeys(json: string): ApiKey[] {
  const { success, output } = v.safeParse(listed, JSON.parse(json));
  if (!success) throw new Error('The API keys must be a list such as GET /v1/operator/api-keys gives in data.');
  const active = output.filter((key) => key.active);
  return active.map(({ consumer, gateway_digest: digest }) => ({ consumer, digest }));
}

/* node kong/render.ts --public-url https://... --redis-host redis --keys jwks.json --operator-addresses 10.20.0.0/16 > rendered.yaml */
if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      'public-url': { type: 'string' },
      'redis-host': { type: 'string' },
      keys: { type: 'string' },
      'operator-addresses': { type: 'string' },
      'api-keys': { type: 'string' },
    },
  });
  const { 'public-url': publicUrl, 'redis-host': redisHost, keys, 'operator-addresses': addresses } = values;
  if (!publicUrl || !redisHost || !keys || !addresses) {
    process.stderr.write(
      'node kong/render.ts --public-url URL --redis-host HOST --keys FILE --operator-addresses NETWORK,... [--api-keys FILE] > rendered.yaml\n' +
        'Without --api-keys (the data of GET /v1/operator/api-keys) no regulator is let in.\n',
    );
    process.exit(64);
  }
  const template = await readFile(new URL('kong.yaml', import.meta.url), 'utf8');
  const operatorAddresses = addresses.split(',').map((network) => network.trim());
  const publicKeys = await readFile(keys, 'utf8');
  const apiKeys = values['api-keys'] ? activeApiKeys(await readFile(values['api-keys'], 'utf8')) : [];
  process.stdout.write(renderKong(template, { publicUrl, redisHost, publicKeys, operatorAddresses, apiKeys }));
}
