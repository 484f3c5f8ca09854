// The whole platform on one machine: parts, migrations, topics, the providers' simulators, Knative and the gateway, in one process and its
// children. `make up` and the journeys of test/journeys stand on it.

import { join } from 'node:path';
import process from 'node:process';
import { type Door, openDoor } from '../../kong/local/door.ts';
import { type Gateway, startGateway } from '../../kong/local/gateway.ts';
import { kongFiles, renderKong } from '../../kong/render.ts';
import { migrate, SERVED_ROLES, type ServedRole } from '../../migrations/run.ts';
import { ROOT } from '../functions.ts';
import { type Admin, startAdmin } from './admin.ts';
import { buildFunctions } from './build.ts';
import { followApiKeys } from './gateway-keys.ts';
import { type Keys, keysOf, makeProof } from './keys.ts';
import { type Knative, PROOFS, startKnative } from './knative.ts';
import { readManifests } from './manifests.ts';
import { makeOperator } from './operator-role.ts';
import { databaseUrl } from './parts/postgres.ts';
import { type Parts, type PartsOptions, startParts } from './parts/start-parts.ts';
import { providerSecrets, type Simulator, startSimulators } from './simulators.ts';

const DATABASE = 'one_gate';
const TOKEN_AUDIENCE = 'one-gate';
/** Operators call from this machine or from its private networks. */
const OPERATOR_ADDRESSES = ['127.0.0.0/8', '::1', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

export interface PlatformOptions extends Omit<PartsOptions, 'dataDirectory'> {
  /** Data, keys and logs; kept between starts, used by one platform at a time. */
  dataDirectory: string;
  /** Of the gateway on 127.0.0.1; 0 or nothing for any free one. */
  port?: number;
  /** Of the first provider's simulator, the next port for the next, if they are free. */
  simulatorPort?: number;
  /** Bundles that exist already; otherwise functions are bundled into `.build`. */
  bundles?: string;
  /** How often Knative's autoscaler decides, in milliseconds; 2000 unless told. */
  tickMs?: number;
  /** What happens, sentence by sentence: instances, crashes, dead letters. */
  log?(sentence: string): void;
}

export interface Platform {
  /** The gateway: the one address that people need. */
  publicUrl: string;
  /** Where a person pays a top-up and tests drive a provider, by its name. */
  simulators: Readonly<Record<string, string>>;
  /** What runs, in words: "PostgreSQL 18.4, ...", with its address. */
  parts: { description: string; address: string }[];
  /** Why there is no Kafka, where there is none. */
  kafkaMissing: string | undefined;
  /** What Kong does and the local gateway does not. */
  notPlayed: string[];
  /** Per role, and the superuser's; for tests that look at what was written. */
  databaseUrls: Record<'migrator' | 'admin' | ServedRole, string>;
  redis: { url: string; token: string };
  brokers: readonly string[] | undefined;
  keys: Keys;
  services: Knative['status'];
  /** What has passed the gateway, by route and status. */
  counted: Gateway['counted'];
  /** In an order in which nobody misses anybody; requests in flight are answered. May be called twice. */
  stop(): Promise<void>;
}

/** Starts everything and waits until a request through the gateway succeeds. Throws a sentence; nothing is left running then. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const log = options.log ?? (() => undefined);
  const door = await openDoor(options.port ?? 0);
  const publicUrl = `http://localhost:${door.port}`;
  const started: { stop(): Promise<void> }[] = [{ stop: door.close }];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopInReverse(started);
    return stopping;
  };
  try {
    const building = options.bundles === undefined ? buildFunctions() : undefined;
    building?.catch(() => undefined);
    const parts = await startParts(options);
    started.push(parts);
    const { adminUrl } = parts.postgres;
    await migrate({ adminUrl, database: DATABASE, passwords: parts.rolePasswords });
    const keys = await keysOf(options.dataDirectory);
    const proofs = { gateway: makeProof(), source: makeProof() };
    const simulators = await startSimulators({ ...options, publicUrl });
    started.push(...simulators);
    await building;

    const urls = databaseUrlsOf(parts);
    const knative = await startKnative({
      manifests: await readManifests(join(ROOT, 'knative/overlays/development'), 'passed over'),
      bundles: options.bundles ?? join(ROOT, '.build'),
      dataDirectory: options.dataDirectory,
      tickMs: options.tickMs ?? 2000,
      log,
      brokers: parts.kafka?.brokers,
      secrets: { ...secretsOf(parts, urls, keys, simulators), [PROOFS]: proofs },
      configMaps: { 'one-gate': configOf(parts, keys, publicUrl) },
    });
    started.push(knative);
    const gateway = await startOurGateway({ door, publicUrl, knative, parts, keys, gatewayProof: proofs.gateway, log });
    started.push(gateway, await followApiKeys(urls.reader, gateway, log));
    // It goes last, so that `make down` sees the end and not its beginning.
    started.unshift(await announce(options.dataDirectory, publicUrl, knative, urls));
    await untilUsable(publicUrl);
    return {
      publicUrl,
      simulators: Object.fromEntries(simulators.map(({ provider, url }) => [provider.name, url])),
      parts: describe(parts, simulators),
      kafkaMissing: parts.kafkaMissing,
      notPlayed: gateway.notPlayed,
      databaseUrls: urls,
      redis: { url: parts.redis.restUrl, token: parts.redis.restToken },
      brokers: parts.kafka?.brokers,
      keys,
      services: knative.status,
      counted: gateway.counted,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopInReverse(started: { stop(): Promise<void> }[]): Promise<void> {
  for (const part of started.reverse()) await part.stop().catch(() => undefined);
}

function databaseUrlsOf({ postgres: { adminUrl }, rolePasswords }: Parts): Platform['databaseUrls'] {
  const of = (role: keyof typeof rolePasswords) =>
    databaseUrl(adminUrl, DATABASE, { user: `one_gate_${role}`, password: rolePasswords[role] });
  const served = Object.fromEntries(SERVED_ROLES.map((role) => [role, of(role)])) as Record<ServedRole, string>;
  return { ...served, migrator: of('migrator'), admin: databaseUrl(adminUrl, DATABASE) };
}

function secretsOf({ redis }: Parts, urls: Platform['databaseUrls'], keys: Keys, simulators: Simulator[]) {
  return {
    ...Object.fromEntries(SERVED_ROLES.map((role) => [`one-gate-database-${role}`, { url: urls[role] }])),
    'one-gate-redis': { url: redis.restUrl, token: redis.restToken },
    'one-gate-token-signing': { jwks: keys.tokenSigning },
    'one-gate-receipt-keys': { jwks: keys.receiptSigning },
    ...providerSecrets(simulators),
  };
}

function configOf({ kafka }: Parts, { tokenPublic, receiptPublic }: Keys, publicUrl: string) {
  return {
    ...(kafka && { 'kafka-brokers': kafka.brokers.join(',') }),
    'public-url': publicUrl,
    'token-issuer': publicUrl,
    'token-audience': TOKEN_AUDIENCE,
    'token-public-keys': tokenPublic,
    'receipt-public-keys': receiptPublic,
  };
}

interface GatewayGround {
  door: Door;
  publicUrl: string;
  knative: Knative;
  parts: Parts;
  keys: Keys;
  gatewayProof: string;
  log(sentence: string): void;
}

async function startOurGateway(ground: GatewayGround): Promise<Gateway> {
  const { door, publicUrl, knative, parts, keys, gatewayProof, log } = ground;
  return startGateway({
    configuration: renderKong(await kongFiles(), {
      publicUrl,
      namespace: 'one-gate',
      redisHost: '127.0.0.1',
      publicKeys: keys.tokenPublic,
      gatewayProof,
      operatorAddresses: OPERATOR_ADDRESSES,
      apiKeys: [],
    }),
    publicUrl,
    ingress: knative.ingress,
    redis: { url: parts.redis.restUrl },
    environment: { REDIS_PASSWORD: parts.redis.restToken },
    door,
    warn: log,
  });
}

function announce(
  dataDirectory: string,
  publicUrl: string,
  knative: Knative,
  urls: Platform['databaseUrls'],
): Promise<Admin> {
  return startAdmin(dataDirectory, {
    status: () => ({ publicUrl, pid: process.pid, services: knative.status() }),
    makeOperator: (username) => makeOperator(urls.migrator, username),
    databases: { reader: urls.reader, owner: urls.admin },
  });
}

// Through everything once: gateway, Knative, a cold function and its bundle.
async function untilUsable(publicUrl: string): Promise<void> {
  const answer = await fetch(`${publicUrl}/.well-known/jwks.json`, { signal: AbortSignal.timeout(60_000) });
  const said = await answer.text();
  if (answer.status !== 200) throw new Error(`The platform started, but its first request was answered with ${said}`);
}

function describe({ postgres, redis, kafka }: Parts, simulators: Simulator[]): Platform['parts'] {
  return [
    { description: postgres.description, address: postgres.address },
    { description: redis.description, address: redis.address },
    ...(kafka ? [{ description: kafka.description, address: kafka.brokers.join(',') }] : []),
    ...simulators.map(({ provider: { title }, url }) => ({
      description: `${title}: our simulator, which refuses bad signatures as the real one does`,
      address: url,
    })),
  ];
}
