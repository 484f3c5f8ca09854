// The configuration of plugins as Kong 3.9 takes it without a database: those that we use, or might. Sources: the schemas of Kong 3.9
// (kong/plugins/*/schema.lua) and the recorded verdicts of `kong config parse`.

import * as v from 'valibot';
import { isNetwork } from '../../shared/platform/http/network.ts';
import { flag, port, texts, timeout } from './entities.ts';

const text = v.optional(v.nullable(v.string()));
const list = v.optional(texts);
const whole = v.optional(v.pipe(v.number(), v.integer()));
const number = v.optional(v.number());
const headerName = v.pipe(v.string(), v.regex(/^[\w-]+$/, 'is not the name of a header'));
const networks = v.optional(v.array(v.pipe(v.string(), v.check(isNetwork, 'is no address and no network'))));
const between = (least: number, most: number) =>
  v.check((value: number) => value >= least && value <= most, `must be between ${least} and ${most}`);
const from = (least: number, most: number) => v.optional(v.pipe(v.number(), between(least, most)));
const oneOf = <const Values extends readonly string[]>(...values: Values) => v.optional(v.picklist(values));

const jwt = v.pipe(
  v.strictObject({
    uri_param_names: list,
    cookie_names: list,
    header_names: list,
    key_claim_name: text,
    secret_is_base64: flag,
    claims_to_verify: v.optional(v.array(v.picklist(['exp', 'nbf']))),
    anonymous: text,
    run_on_preflight: flag,
    maximum_expiration: from(0, 31_536_000),
    realm: text,
  }),
  v.forward(
    v.check(
      ({ maximum_expiration: most = 0, claims_to_verify: claims = [] }) => most === 0 || claims.includes('exp'),
      'must have exp, as maximum_expiration is given',
    ),
    ['claims_to_verify'],
  ),
);

const keyAuth = v.strictObject({
  key_names: v.optional(v.array(headerName)),
  hide_credentials: flag,
  anonymous: text,
  key_in_header: flag,
  key_in_query: flag,
  key_in_body: flag,
  run_on_preflight: flag,
  realm: text,
});

const acl = v.pipe(
  v.strictObject({
    allow: list,
    deny: list,
    hide_groups_header: flag,
    include_consumer_groups: flag,
    always_use_authenticated_groups: flag,
  }),
  v.check(({ allow = [], deny = [] }) => allow.length > 0 !== deny.length > 0, 'needs one of allow and deny'),
);

const limit = v.optional(v.pipe(v.number(), v.gtValue(0)));
const WINDOWS = ['second', 'minute', 'hour', 'day', 'month', 'year'] as const;
const redis = v.strictObject({
  host: text,
  port: v.optional(port),
  timeout,
  username: text,
  password: text,
  database: whole,
  ssl: flag,
  ssl_verify: flag,
  server_name: text,
});

const rateLimiting = v.pipe(
  v.strictObject({
    second: limit,
    minute: limit,
    hour: limit,
    day: limit,
    month: limit,
    year: limit,
    limit_by: oneOf('consumer', 'credential', 'ip', 'service', 'header', 'path', 'consumer-group'),
    header_name: v.optional(headerName),
    path: text,
    // The policy `cluster` counts in a database, and there is none.
    policy: oneOf('local', 'redis'),
    fault_tolerant: flag,
    hide_client_headers: flag,
    error_code: number,
    error_message: text,
    sync_rate: number,
    redis: v.optional(redis),
    redis_host: text,
    redis_port: v.optional(port),
    redis_timeout: timeout,
    redis_username: text,
    redis_password: text,
    redis_database: whole,
    redis_ssl: flag,
    redis_ssl_verify: flag,
    redis_server_name: text,
  }),
  v.check((config) => WINDOWS.some((window) => config[window] !== undefined), 'needs a limit'),
  v.check((config) => {
    const given = WINDOWS.map((window) => config[window]).filter((each) => each !== undefined);
    return given.every((each, index) => each >= (given[index - 1] ?? 0));
  }, 'has a limit that is lower than that of a shorter window'),
  v.forward(
    v.check(({ limit_by: by, header_name: name }) => by !== 'header' || name !== undefined, 'is missing'),
    ['header_name'],
  ),
  v.forward(
    v.check(({ limit_by: by, path }) => by !== 'path' || Boolean(path), 'is missing'),
    ['path'],
  ),
  v.forward(
    v.check(
      ({ policy, redis: shared, redis_host: host }) => policy !== 'redis' || Boolean(shared?.host ?? host),
      'is missing, or its host is',
    ),
    ['redis'],
  ),
);

const queue = v.strictObject({
  max_batch_size: v.optional(v.pipe(v.number(), v.integer(), between(1, 1_000_000))),
  max_coalescing_delay: from(0, 3600),
  max_entries: v.optional(v.pipe(v.number(), v.integer(), between(1, 1_000_000))),
  max_bytes: whole,
  max_retry_time: number,
  initial_retry_delay: from(0.001, 1_000_000),
  max_retry_delay: from(0.001, 1_000_000),
  concurrency_limit: v.optional(v.picklist([-1, 1])),
});

const httpLog = v.strictObject({
  http_endpoint: v.pipe(v.string(), v.url()),
  method: oneOf('POST', 'PUT', 'PATCH'),
  content_type: oneOf('application/json', 'application/json; charset=utf-8'),
  timeout: number,
  keepalive: number,
  headers: v.optional(
    v.record(
      v.pipe(
        headerName,
        v.check((name) => !/^(host|content-length|content-type)$/i.test(name), 'is a header that Kong sets itself'),
      ),
      v.pipe(v.string(), v.nonEmpty('is empty')),
    ),
  ),
  queue: v.optional(queue),
  // test/kong/lua.test.ts runs the Lua.
  custom_fields_by_lua: v.optional(v.record(v.pipe(v.string(), v.nonEmpty('is empty')), v.string())),
  retry_count: whole,
  queue_size: whole,
  flush_timeout: number,
});

const pair = v.pipe(v.string(), v.regex(/^[^:]+:.*$/, 'must be name:value'));
const pairs = v.optional(v.array(pair));
const requestTransformer = v.strictObject({
  http_method: text,
  remove: v.optional(v.strictObject({ body: list, headers: list, querystring: list })),
  rename: v.optional(v.strictObject({ body: pairs, headers: pairs, querystring: pairs })),
  replace: v.optional(v.strictObject({ body: pairs, headers: pairs, querystring: pairs, uri: text })),
  add: v.optional(v.strictObject({ body: pairs, headers: pairs, querystring: pairs })),
  append: v.optional(v.strictObject({ body: pairs, headers: pairs, querystring: pairs })),
});

const json = { json: pairs, json_types: list, headers: pairs };
const responseTransformer = v.strictObject({
  remove: v.optional(v.strictObject({ json: list, headers: list })),
  rename: v.optional(v.strictObject({ json: pairs, headers: pairs })),
  replace: v.optional(v.strictObject(json)),
  add: v.optional(v.strictObject(json)),
  append: v.optional(v.strictObject(json)),
});

const requestTermination = v.pipe(
  v.strictObject({
    status_code: from(100, 599),
    message: text,
    content_type: text,
    body: text,
    echo: flag,
    trigger: v.optional(headerName),
  }),
  v.check(
    ({ message, content_type: type, body }) => !message || !(type || body),
    'has a message, which excludes content_type and body',
  ),
);

const ipRestriction = v.pipe(
  v.strictObject({ allow: networks, deny: networks, status: number, message: text }),
  v.check(({ allow, deny }) => allow !== undefined || deny !== undefined, 'needs allow or deny'),
);

const METHODS = ['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'] as const;
const cors = v.strictObject({
  origins: list,
  methods: v.optional(v.array(v.picklist(METHODS))),
  headers: list,
  exposed_headers: list,
  credentials: flag,
  max_age: number,
  preflight_continue: flag,
  private_network: flag,
});

const FORMATS = ['w3c', 'b3', 'b3-single', 'jaeger', 'ot', 'aws', 'gcp', 'datadog', 'instana'] as const;
const opentelemetry = v.strictObject({
  endpoint: v.optional(v.pipe(v.string(), v.url())),
  traces_endpoint: v.optional(v.pipe(v.string(), v.url())),
  logs_endpoint: v.optional(v.pipe(v.string(), v.url())),
  headers: v.optional(v.record(v.string(), v.string())),
  resource_attributes: v.optional(v.record(v.string(), v.pipe(v.string(), v.minLength(1)))),
  queue: v.optional(v.record(v.string(), v.unknown())),
  batch_span_count: whole,
  batch_flush_delay: whole,
  connect_timeout: timeout,
  send_timeout: timeout,
  read_timeout: timeout,
  http_response_header_for_traceid: text,
  header_type: oneOf('preserve', 'ignore', ...FORMATS),
  sampling_rate: from(0, 1),
  sampling_strategy: oneOf('parent_drop_probability_fallback', 'parent_probability_fallback'),
  propagation: v.optional(
    v.strictObject({
      default_format: v.picklist(FORMATS),
      extract: v.optional(v.array(v.picklist(FORMATS))),
      inject: v.optional(v.array(v.picklist(['preserve', ...FORMATS]))),
      clear: list,
    }),
  ),
});

// test/kong/lua.test.ts runs the Lua and compares it with the local gateway's TypeScript.
const lua = v.strictObject({
  certificate: list,
  rewrite: list,
  access: list,
  header_filter: list,
  body_filter: list,
  log: list,
});

/** By name; null for plugins of Kong 3.9 whose fields are not described here. */
export const PLUGINS: Readonly<Record<string, v.GenericSchema | null>> = {
  acl,
  'correlation-id': v.strictObject({
    header_name: text,
    generator: oneOf('uuid', 'uuid#counter', 'tracker'),
    echo_downstream: flag,
  }),
  cors,
  'http-log': httpLog,
  'ip-restriction': ipRestriction,
  jwt,
  'key-auth': keyAuth,
  opentelemetry,
  'post-function': lua,
  'pre-function': lua,
  prometheus: v.strictObject({
    per_consumer: flag,
    status_code_metrics: flag,
    ai_metrics: flag,
    latency_metrics: flag,
    bandwidth_metrics: flag,
    upstream_health_metrics: flag,
  }),
  'rate-limiting': rateLimiting,
  'request-size-limiting': v.strictObject({
    allowed_payload_size: whole,
    size_unit: oneOf('megabytes', 'kilobytes', 'bytes'),
    require_content_length: flag,
  }),
  'request-termination': requestTermination,
  'request-transformer': requestTransformer,
  'response-transformer': responseTransformer,
  ...Object.fromEntries(
    [
      ...['acme', 'ai-prompt-decorator', 'ai-prompt-guard', 'ai-prompt-template', 'ai-proxy', 'ai-request-transformer'],
      ...[
        'ai-response-transformer',
        'aws-lambda',
        'azure-functions',
        'basic-auth',
        'bot-detection',
        'datadog',
        'file-log',
      ],
      ...['grpc-gateway', 'grpc-web', 'hmac-auth', 'ldap-auth', 'loggly', 'oauth2', 'proxy-cache', 'redirect'],
      ...['response-ratelimiting', 'session', 'standard-webhooks', 'statsd', 'syslog', 'tcp-log', 'udp-log', 'zipkin'],
    ].map((name) => [name, null]),
  ),
};
