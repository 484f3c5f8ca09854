// The entities of kong.yaml as `kong config parse` of Kong 3.9 takes them without a database: all fields, including
// those that the local gateway does not play (kong/local/configuration-schema.ts holds only those that it plays).

import { createPublicKey } from 'node:crypto';
import * as v from 'valibot';

export const texts = v.array(v.string());
export const flag = v.optional(v.nullable(v.boolean()));
/** Fields that Kong ignores, and fields that it fills in itself. */
const common = {
  _comment: v.optional(v.string()),
  _ignore: v.optional(v.unknown()),
  id: v.optional(v.pipe(v.string(), v.uuid())),
  created_at: v.optional(v.number()),
  updated_at: v.optional(v.number()),
  tags: v.optional(texts),
};
const between = (least: number, most: number) =>
  v.pipe(
    v.number(),
    v.integer(),
    v.check((value) => value >= least && value <= most, `must be between ${least} and ${most}`),
  );
export const timeout = v.optional(between(1, 2_147_483_646));
export const port = between(0, 65_535);
const protocols = v.optional(
  v.array(v.picklist(['http', 'https', 'grpc', 'grpcs', 'tcp', 'tls', 'udp', 'tls_passthrough'])),
);

/** kong/lint/plugins.ts checks its `config`, by its name. */
export const plugin = v.strictObject({
  ...common,
  name: v.string(),
  instance_name: v.optional(v.string()),
  config: v.optional(v.record(v.string(), v.unknown())),
  enabled: flag,
  protocols,
  route: v.optional(v.unknown()),
  service: v.optional(v.unknown()),
  consumer: v.optional(v.unknown()),
});
const plugins = v.optional(v.array(plugin));

const path = v.pipe(
  v.string(),
  v.regex(/^~?\//, 'must begin with / (a prefix) or ~/ (a regular expression)'),
  v.check((text) => text.startsWith('~') || !text.includes('//'), 'must not have empty segments'),
);

const route = v.pipe(
  v.strictObject({
    ...common,
    name: v.optional(v.string()),
    protocols,
    methods: v.optional(v.array(v.pipe(v.string(), v.regex(/^[A-Z]+$/, 'must be in capitals')))),
    hosts: v.optional(texts),
    paths: v.optional(v.array(path)),
    headers: v.optional(v.record(v.string(), texts)),
    snis: v.optional(texts),
    sources: v.optional(v.unknown()),
    destinations: v.optional(v.unknown()),
    https_redirect_status_code: v.optional(v.picklist([426, 301, 302, 307, 308])),
    regex_priority: v.optional(v.pipe(v.number(), v.integer())),
    strip_path: flag,
    path_handling: v.optional(v.picklist(['v0', 'v1'])),
    preserve_host: flag,
    request_buffering: flag,
    response_buffering: flag,
    service: v.optional(v.unknown()),
    plugins,
  }),
  v.check(
    ({ methods, hosts, paths, headers, snis, sources, destinations }) =>
      [methods, hosts, paths, headers, snis, sources, destinations].some((each) => each !== undefined),
    'must set one of methods, hosts, headers, paths, snis',
  ),
);

const service = v.pipe(
  v.strictObject({
    ...common,
    name: v.optional(v.string()),
    url: v.optional(v.pipe(v.string(), v.url())),
    protocol: v.optional(v.picklist(['http', 'https', 'grpc', 'grpcs', 'tcp', 'tls', 'udp', 'tls_passthrough'])),
    host: v.optional(v.string()),
    port: v.optional(port),
    path: v.optional(v.pipe(v.string(), v.startsWith('/'))),
    retries: v.optional(between(0, 32_767)),
    connect_timeout: timeout,
    write_timeout: timeout,
    read_timeout: timeout,
    enabled: flag,
    tls_verify: flag,
    tls_verify_depth: v.optional(v.nullable(between(0, 64))),
    ca_certificates: v.optional(texts),
    client_certificate: v.optional(v.unknown()),
    routes: v.optional(v.array(route)),
    plugins,
  }),
  v.forward(
    v.check(({ url, host }) => url !== undefined || host !== undefined, 'is missing, or url is'),
    ['host'],
  ),
);

const ALGORITHMS = [
  ...(['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'] as const),
  ...(['PS256', 'PS384', 'PS512', 'EdDSA'] as const),
];

const jwtSecret = v.pipe(
  v.strictObject({
    ...common,
    key: v.optional(v.string()),
    secret: v.optional(v.string()),
    algorithm: v.optional(v.picklist(ALGORITHMS), 'HS256'),
    rsa_public_key: v.optional(v.string()),
  }),
  // Kong uses this name whatever the algorithm.
  v.forward(
    v.check(({ algorithm, rsa_public_key: key }) => algorithm.startsWith('HS') || isPublicKey(key), 'is no public key'),
    ['rsa_public_key'],
  ),
);

const consumer = v.pipe(
  v.strictObject({
    ...common,
    username: v.optional(v.string()),
    custom_id: v.optional(v.string()),
    jwt_secrets: v.optional(v.array(jwtSecret)),
    keyauth_credentials: v.optional(
      v.array(v.strictObject({ ...common, key: v.optional(v.string()), ttl: v.optional(v.number()) })),
    ),
    acls: v.optional(v.array(v.strictObject({ ...common, group: v.string() }))),
    plugins,
  }),
  v.check(({ username, custom_id: id }) => username !== undefined || id !== undefined, 'needs username or custom_id'),
);

export const file = v.strictObject({
  _comment: v.optional(v.string()),
  _ignore: v.optional(v.unknown()),
  _format_version: v.picklist(['1.1', '2.1', '3.0']),
  _transform: flag,
  consumers: v.optional(v.array(consumer)),
  services: v.optional(v.array(service)),
  routes: v.optional(v.array(route)),
  plugins,
});

function isPublicKey(pem: string | undefined): boolean {
  try {
    return pem !== undefined && createPublicKey(pem).type === 'public';
  } catch {
    return false;
  }
}
