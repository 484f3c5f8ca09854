// The fields of kong.yaml that the local gateway understands; any other is refused.

import * as v from 'valibot';

export const plugin = v.strictObject({ name: v.string(), config: v.optional(v.record(v.string(), v.unknown()), {}) });
const milliseconds = v.pipe(v.number(), v.integer(), v.minValue(1));
export const route = v.strictObject({
  name: v.string(),
  methods: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  paths: v.pipe(v.array(v.pipe(v.string(), v.regex(/^~?\//, 'must begin with / or ~/'))), v.minLength(1)),
  regex_priority: v.optional(v.number(), 0),
  strip_path: v.optional(v.boolean(), true),
  preserve_host: v.optional(v.literal(false, 'must be false: functions are found by their own host names'), false),
  // The local gateway streams every answer.
  response_buffering: v.optional(v.boolean(), true),
  plugins: v.optional(v.array(plugin), []),
});
const service = v.strictObject({
  name: v.string(),
  url: v.pipe(v.string(), v.url()),
  retries: v.literal(0, 'must be 0: a request that timed out may have moved money'),
  connect_timeout: milliseconds,
  write_timeout: milliseconds,
  read_timeout: milliseconds,
  routes: v.array(route),
  plugins: v.optional(v.array(plugin), []),
});
export const consumer = v.strictObject({
  username: v.string(),
  custom_id: v.optional(v.string()),
  acls: v.optional(v.array(v.strictObject({ group: v.string() })), []),
  keyauth_credentials: v.optional(v.array(v.strictObject({ key: v.string() }))),
  plugins: v.optional(v.array(plugin), []),
  jwt_secrets: v.optional(
    v.array(v.strictObject({ key: v.string(), algorithm: v.picklist(['EdDSA']), rsa_public_key: v.string() })),
    [],
  ),
});
export const file = v.strictObject({
  _format_version: v.literal('3.0'),
  consumers: v.optional(v.array(consumer), []),
  services: v.array(service),
  routes: v.optional(v.array(route), []),
  plugins: v.optional(v.array(plugin), []),
});
