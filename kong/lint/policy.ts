// Settings that Kong parses without a word and that our policy refuses: each has gone wrong on a real Kong 3.9.3, or
// would.

import { METHODS } from 'node:http';
import { type Finding, ours } from './finding.ts';
import { everyConsumer, everyPlugin, everyRoute, everyService } from './parse.ts';
import { at, fields, isSet, items, type Place, textAt } from './place.ts';

export function* policy(root: Place): Generator<Finding> {
  const version = at(root, '_format_version');
  if (isSet(version) && version.value !== '3.0') {
    yield ours(version.path, 'Kong 3.9 rewrites paths of older formats: write 3.0.');
  }
  for (const each of everyService(root)) yield* service(each);
  for (const each of everyRoute(root)) yield* route(each);
  for (const each of everyConsumer(root)) yield* credentials(each);
  for (const each of everyPlugin(root)) yield* plugin(each);
  yield* sharedLimits(root);
  for (const each of [root, ...everyService(root), ...everyRoute(root)]) yield* doubled(each);
  yield* placeholders(root);
}

function* service(place: Place): Generator<Finding> {
  const retries = at(place, 'retries');
  if (retries.value !== 0) {
    yield ours(retries.path, 'It must be 0: by default a GET that timed out hits its function six times.');
  }
}

function* route(place: Place): Generator<Finding> {
  for (const { path, value } of items(at(place, 'methods'))) {
    if (typeof value === 'string' && !METHODS.includes(value)) yield ours(path, `There is no HTTP method ${value}.`);
  }
  for (const { path, value } of items(at(place, 'paths'))) {
    if (typeof value !== 'string') continue;
    if (value.startsWith('~') && !isRegularExpression(value.slice(1))) {
      yield ours(path, 'The local gateway cannot read this regular expression, and Kong hardly will.');
    } else if (!value.startsWith('~') && /[\\^$*+?()[\]{}|]/.test(value)) {
      yield ours(path, 'Without ~ in front of it a regular expression is a prefix that no request has.');
    }
  }
  const preserved = at(place, 'preserve_host');
  if (preserved.value === true) yield ours(preserved.path, 'Kourier finds a function by its own host name: false.');
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Kong resolves references to vaults in the settings of plugins, not in credentials: the reference itself becomes the
 * key.
 */
function* credentials(consumer: Place): Generator<Finding> {
  for (const list of ['jwt_secrets', 'keyauth_credentials']) {
    for (const [, { path, value }] of items(at(consumer, list)).flatMap(fields)) {
      if (typeof value === 'string' && value.includes('{vault://')) {
        yield ours(path, 'Kong takes this literally, as the key itself: render the key into the file.');
      }
    }
  }
}

/** Kong still understands it, until version 4. */
const DEPRECATED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'rate-limiting': Object.fromEntries(
    ['host', 'port', 'timeout', 'username', 'password', 'database', 'ssl', 'ssl_verify', 'server_name'].map((name) => [
      `redis_${name}`,
      `redis.${name}`,
    ]),
  ),
  opentelemetry: {
    endpoint: 'traces_endpoint',
    header_type: 'propagation',
    batch_span_count: 'queue.max_batch_size',
    batch_flush_delay: 'queue.max_coalescing_delay',
  },
  'http-log': {
    retry_count: 'queue.max_retry_time',
    queue_size: 'queue.max_batch_size',
    flush_timeout: 'queue.max_coalescing_delay',
  },
};

function* plugin(place: Place): Generator<Finding> {
  const name = textAt(place, 'name') ?? '';
  const config = at(place, 'config');
  for (const [old, successor] of Object.entries(DEPRECATED[name] ?? {})) {
    if (isSet(at(config, old))) yield ours(at(config, old).path, `It is deprecated: write ${successor}.`);
  }
  const anonymous = at(config, 'anonymous');
  if (isSet(anonymous)) {
    yield ours(
      anonymous.path,
      'Callers without a valid credential would be let in, as a consumer that may not even exist.',
    );
  }
  if (name === 'jwt') yield* jwt(config);
  if (name === 'key-auth') yield* keyAuth(config);
  if (name === 'http-log') yield* httpLog(config);
  if (name === 'rate-limiting') yield* rateLimiting(config);
  if (name === 'request-size-limiting') {
    yield ours(
      place.path,
      'It has a body without a length spooled whole before it looks: nginx limits bodies (README).',
    );
  }
  if (name === 'ip-restriction' && ['allow', 'deny'].every((list) => items(at(config, list)).length === 0)) {
    yield ours(at(config, 'allow').path, 'With an empty list Kong lets every address in.');
  }
}

function* jwt(config: Place): Generator<Finding> {
  const parameters = at(config, 'uri_param_names');
  if (!Array.isArray(parameters.value) || parameters.value.length > 0) {
    yield ours(parameters.path, 'It must be []: tokens in addresses end up in logs.');
  }
  const claims = at(config, 'claims_to_verify');
  if (!items(claims).some(({ value }) => value === 'exp')) {
    yield ours(claims.path, 'It must have exp: by default Kong does not look whether a token has expired.');
  }
}

function* keyAuth(config: Place): Generator<Finding> {
  const inQuery = at(config, 'key_in_query');
  if (inQuery.value !== false) yield ours(inQuery.path, 'It must be false: keys in addresses end up in logs.');
  const inBody = at(config, 'key_in_body');
  if (inBody.value === true) yield ours(inBody.path, 'It must be false: Kong would read every body for a key.');
}

function* httpLog(config: Place): Generator<Finding> {
  const headers = at(config, 'custom_fields_by_lua', 'request.headers');
  if (headers.value !== 'return nil') {
    yield ours(headers.path, 'It must be "return nil": headers hold keys and tokens in plain.');
  }
}

function* rateLimiting(config: Place): Generator<Finding> {
  const password = at(config, 'redis', 'password');
  if (typeof password.value !== 'string' || !/^\{vault:\/\/env\/[\w-]+\}$/.test(password.value)) {
    const why = 'Redis refuses who says no password, and what cannot be counted passes';
    yield ours(password.path, `It must be a reference such as "{vault://env/redis-password}": ${why}.`);
  }
  const tolerant = at(config, 'fault_tolerant');
  if (!isSet(tolerant)) {
    yield ours(tolerant.path, 'It must be said: true lets a request pass that cannot be counted, false refuses it.');
  }
}

/** A limit per consumer is a limit per caller only where each consumer is one caller, not all callers with a token. */
function* sharedLimits(root: Place): Generator<Finding> {
  const single = everyConsumer(root).filter((each) => items(at(each, 'jwt_secrets')).length === 0);
  const own = new Set(single.flatMap((each) => items(at(each, 'plugins')).map(({ path }) => path)));
  for (const each of everyPlugin(root)) {
    if (textAt(each, 'name') !== 'rate-limiting' || own.has(each.path)) continue;
    const by = at(each, 'config', 'limit_by');
    if ((by.value ?? 'consumer') === 'consumer') {
      yield ours(by.path, 'All users are one consumer to Kong: they would share one limit.');
    }
  }
}

function* doubled(place: Place): Generator<Finding> {
  const seen = new Set<string>();
  for (const each of items(at(place, 'plugins'))) {
    const name = textAt(each, 'name') ?? '';
    if (seen.has(name)) yield ours(each.path, `Kong runs a plugin once per place, and here are two ${name}.`);
    seen.add(name);
  }
}

/** Placeholders that kong/render.ts has not filled. */
function* placeholders(place: Place): Generator<Finding> {
  const { path, value } = place;
  if (typeof value === 'string' && /\$\{[A-Z_]+\}/.test(value))
    yield ours(path, 'A placeholder is left: render the file.');
  for (const each of items(place)) yield* placeholders(each);
  for (const [, each] of fields(place)) yield* placeholders(each);
}
