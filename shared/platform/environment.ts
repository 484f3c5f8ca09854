// The only file that reads the environment. A value is read when it is first needed, so that a function needs no more
// than it uses. If a value is missing, the process stops and names the variable to set.

import process from 'node:process';

function optional(name: string): string | undefined {
  return process.env[name] || undefined;
}

function required(name: string, what: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: it must hold ${what}. See knative/README.md.`);
  return value;
}

function wholeNumber(name: string, otherwise: number): number {
  const value = process.env[name];
  if (!value) return otherwise;
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error(`${name} must be a whole number from 1 to 999999.`);
  return Number(value);
}

/** Reads once: the environment of a process does not change. */
function once<Value>(read: () => Value): () => Value {
  let value: { read: Value } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}

export const port = () => wholeNumber('PORT', 8080);
/** The one address to listen on. The default is all addresses of the machine. */
export const listenAddress = () => optional('HOST');
export const logLevel = () => optional('LOG_LEVEL') ?? 'info';
/** The deployed revision, as Knative names it. */
export const revision = () => optional('K_REVISION') ?? 'not deployed';
/** The Service that this process belongs to, as Knative names it. */
export const serviceName = () => optional('K_SERVICE');
export const traceEndpoint = () => optional('OTEL_EXPORTER_OTLP_ENDPOINT');

/** A secret of letters and digits, or two of them with a comma between during an exchange. */
function secretsOf(name: string, what: string): string[] {
  const secrets = required(name, what).split(',');
  // The message leaves out the value, because it is a secret.
  if (!secrets.every((secret) => /^[\w-]{32,256}$/.test(secret)))
    throw new Error(`${name} must be 32 to 256 letters, digits, - and _, or two such values with a comma between.`);
  return secrets;
}

/**
 * The proofs of the gateway and of the sources of events. Undefined for a process that was started by hand, outside of
 * Knative and without a proof.
 */
export const proofs = once((): { gateway: string[]; source: string[] } | undefined => {
  if (!serviceName() && !optional('GATEWAY_PROOF')) return undefined;
  return {
    gateway: secretsOf('GATEWAY_PROOF', 'the secret that the gateway proves itself by'),
    source: secretsOf('SOURCE_PROOF', 'the secret that sources of events prove themselves by'),
  };
});

export type EventTokens = NonNullable<ReturnType<typeof eventTokens>>;

/**
 * The claims of a source's token and the keys of the cluster, if Knative gives its sources tokens (OIDC). They replace
 * SOURCE_PROOF.
 */
export const eventTokens = once(() => {
  const issuer = optional('EVENT_TOKEN_ISSUER');
  if (!issuer) return undefined;
  return {
    issuer,
    audience: required('EVENT_TOKEN_AUDIENCE', 'the audience of the tokens of sources'),
    namespace: required('EVENT_TOKEN_NAMESPACE', 'the namespace of the sources'),
    publicKeys: required('EVENT_TOKEN_PUBLIC_KEYS', 'the JWK set of the cluster, which such tokens are verified with'),
  };
});

/** The platform's public address, without a trailing slash. */
export const publicUrl = once(() => (optional('PUBLIC_URL') ?? 'http://localhost:8080').replace(/\/+$/, ''));

export const database = once(() => ({
  url: required('DATABASE_URL', 'the PostgreSQL address of the role this function runs as'),
  poolSize: wholeNumber('DATABASE_POOL_SIZE', 4),
}));

export const redis = once(() => ({
  url: required('UPSTASH_REDIS_REST_URL', 'the address of the Redis REST proxy'),
  token: required('UPSTASH_REDIS_REST_TOKEN', 'the token of the Redis REST proxy'),
}));

/** The destination of events: Kafka if brokers are named, else the sink that Knative injects. */
export const eventSink = once((): { brokers: string[] } | { sink: string } => {
  const brokers = optional('KAFKA_BROKERS');
  if (brokers) return { brokers: brokers.split(',').map((broker) => broker.trim()) };
  return { sink: required('K_SINK', 'the address events are posted to, unless KAFKA_BROKERS names a Kafka') };
});

export const accessTokens = once(() => ({
  issuer: required('TOKEN_ISSUER', 'the issuer of access tokens'),
  audience: required('TOKEN_AUDIENCE', 'the audience of access tokens'),
  publicKeys: required('TOKEN_PUBLIC_KEYS', 'the JWK set that access tokens are verified with'),
}));

export const tokenSigningKeys = once(() =>
  required('TOKEN_SIGNING_KEYS', 'the JWK set with the private keys that access tokens are signed with'),
);

export const receiptPublicKeys = once(() =>
  required('RECEIPT_PUBLIC_KEYS', 'the JWK set that receipts are verified with'),
);

export const receiptSigningKeys = once(() =>
  required('RECEIPT_SIGNING_KEYS', 'the JWK set with the private keys that receipts are signed with'),
);

/** A value of the environment that another module declares, such as a provider. */
export interface Setting {
  /** The name of the environment variable. */
  variable: string;
  /** The meaning of the value, for the message that it is missing. */
  holds: string;
}

/** The values of declared settings, by the settings' names. */
export function valuesOf<Name extends string>(settings: Readonly<Record<Name, Setting>>): Record<Name, string> {
  const entries = Object.entries<Setting>(settings).map(([name, { variable, holds }]) => [
    name,
    required(variable, holds),
  ]);
  return Object.fromEntries(entries);
}
