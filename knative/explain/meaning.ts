// What a manifest means, in numbers: when Knative adds an instance, how long a queue gets, which request is the first
// to get a 503, how long an idle function stays, how many events can be under way, how many connections PostgreSQL must
// have. Pure.

import { Cron } from 'croner';
import { backoff } from '../local/delivery.ts';
import type { KafkaSourceManifest, Manifests, PingSourceManifest, ServiceManifest } from '../local/manifests.ts';

/** queue-proxy lets this many times containerConcurrency wait per instance. */
const QUEUE_FACTOR = 10;
/** How long Knative may take to put the activator in the way before the last instance goes (scale-to-zero-grace-period). */
const GRACE_MS = 30_000;
/** Events that one consumer of an unordered source has under way (max.poll.records). */
const EVENTS_PER_CONSUMER = 50;
/** The default of shared/platform/environment.ts, for a manifest that does not set it. */
const DEFAULT_POOL_SIZE = 4;
const DATABASE_SECRET = 'one-gate-database-';

/** Half of PostgreSQL's 300: while a new version takes over, each Service runs instances of both versions. */
export const CONNECTION_BUDGET = 150;

export interface Meaning {
  name: string;
  /** Infinity where there is no limit, as for everything below that follows from it. */
  concurrency: number;
  instances: { min: number; max: number };
  /** Requests in flight per instance that the autoscaler aims at, and the target before its 70 % were taken. */
  target: number;
  wanted: number;
  utilization: number;
  /** Requests in flight at which the autoscaler wants the last instance that max-scale allows. */
  fullFrom: number;
  /** Requests that wait at one instance. */
  queue: number;
  /** The first request that gets a 503, counted from the ones in hand: at one instance, and at max-scale. */
  refused: { oneInstance: number; allInstances: number };
  /** From the last answer to no instance at all; undefined where min-scale keeps one, or a schedule comes sooner. */
  idleToZeroMs: number | undefined;
  windowMs: number;
  retentionMs: number;
  timeoutMs: number;
  /** Undefined for a Service that the gateway has no route to. */
  gatewayTimeoutMs: number | undefined;
  database: Database | undefined;
  events: EventLoad | undefined;
  schedules: Schedule[];
}

export interface Schedule {
  schedule: string;
  /** The time between two events of the schedule, taken from its next ones. */
  everyMs: number;
}

export interface Database {
  role: string;
  pool: number;
  /** At max-scale. */
  connections: number;
}

export interface EventLoad {
  sources: SourceMeaning[];
  /** Events that all its sources together can have under way. */
  most: number;
  /** Events that the instances take at a time, at max-scale. */
  room: number;
  /** The autoscaler never wants more instances than these. */
  usefulInstances: number;
}

export interface SourceMeaning {
  name: string;
  topics: string[];
  ordered: boolean;
  partitions: number;
  consumers: number;
  /** Consumers beyond the number of partitions: Kafka gives them nothing. */
  idleConsumers: number;
  most: number;
  retries: number;
  retriedForMs: number;
  attemptMs: number;
  deadLetterTopic: string | undefined;
}

/** `gatewayTimeouts`: Kong's read_timeout by Service. In the order of the manifests. */
export function meaningsOf(manifests: Manifests, gatewayTimeouts: ReadonlyMap<string, number>): Meaning[] {
  return manifests.services.map((service) => meaningOf(service, manifests, gatewayTimeouts.get(service.name)));
}

function meaningOf(
  service: ServiceManifest,
  { kafkaSources, pingSources, topics }: Manifests,
  gatewayTimeoutMs: number | undefined,
): Meaning {
  const { name, scale } = service;
  const concurrency = service.containerConcurrency || Number.POSITIVE_INFINITY;
  const max = scale.max || Number.POSITIVE_INFINITY;
  const all = (1 + QUEUE_FACTOR) * concurrency;
  const partitionsOf = new Map(topics.map((topic) => [topic.name, topic.partitions]));
  const idleToZeroMs = scale.windowMs + Math.max(GRACE_MS, scale.retentionMs);
  const schedules = pingSources.filter(({ sink }) => sink.service === name).map(scheduleOf);
  const sources = kafkaSources.filter(({ sink }) => sink.service === name).map((each) => sourceOf(each, partitionsOf));
  return {
    name,
    concurrency,
    instances: { min: scale.min, max },
    target: scale.target,
    wanted: scale.target / scale.utilization,
    utilization: scale.utilization,
    fullFrom: Math.floor(scale.target * (max - 1)) + 1,
    queue: QUEUE_FACTOR * concurrency,
    refused: { oneInstance: all + 1, allInstances: max * all + 1 },
    idleToZeroMs: schedules.some(({ everyMs }) => everyMs <= idleToZeroMs) || scale.min > 0 ? undefined : idleToZeroMs,
    windowMs: scale.windowMs,
    retentionMs: scale.retentionMs,
    timeoutMs: service.timeoutSeconds * 1000,
    gatewayTimeoutMs,
    database: databaseOf(service, max),
    events: sources.length === 0 ? undefined : eventLoad(sources, service, max),
    schedules,
  };
}

// Counted from a fixed day, so that the generated text does not depend on today's date.
function scheduleOf({ schedule, timezone }: PingSourceManifest): Schedule {
  const [first, second] = new Cron(schedule, { timezone }).nextRuns(2, new Date('2026-01-01T00:00:00Z'));
  return { schedule, everyMs: first && second ? second.getTime() - first.getTime() : Number.POSITIVE_INFINITY };
}

function databaseOf({ environment }: ServiceManifest, max: number): Database | undefined {
  const address = environment.find(({ name }) => name === 'DATABASE_URL');
  if (!address) return undefined;
  const size = environment.find(({ name }) => name === 'DATABASE_POOL_SIZE');
  const pool = size && 'value' in size ? Number(size.value) : DEFAULT_POOL_SIZE;
  const role = 'object' in address ? address.object.replace(DATABASE_SECRET, '') : 'of its own';
  return { role, pool, connections: max * pool };
}

// An ordered source has one event of each partition under way, whatever the number of consumers; an unordered one has
// fifty per consumer.
function sourceOf(
  { name, topics, ordered, consumers, delivery, deadLetterTopic }: KafkaSourceManifest,
  partitionsOf: ReadonlyMap<string, number>,
): SourceMeaning {
  const partitions = topics.reduce((sum, topic) => sum + (partitionsOf.get(topic) ?? 0), 0);
  const busy = Math.min(consumers, partitions);
  let retriedForMs = 0;
  for (let retry = 1; retry <= delivery.retry; retry++) retriedForMs += backoff(delivery, retry);
  return {
    name,
    topics,
    ordered,
    partitions,
    consumers,
    idleConsumers: consumers - busy,
    most: ordered ? partitions : busy * EVENTS_PER_CONSUMER,
    retries: delivery.retry,
    retriedForMs,
    attemptMs: delivery.timeoutMs,
    deadLetterTopic,
  };
}

function eventLoad(sources: SourceMeaning[], { containerConcurrency, scale }: ServiceManifest, max: number): EventLoad {
  const most = sources.reduce((sum, each) => sum + each.most, 0);
  return {
    sources,
    most,
    room: max * (containerConcurrency || Number.POSITIVE_INFINITY),
    usefulInstances: Math.min(max, Math.ceil(most / scale.target)),
  };
}

/** Connections of all Services together, at max-scale. */
export function connectionsOf(meanings: readonly Meaning[]): number {
  return meanings.reduce((sum, { database }) => sum + (database?.connections ?? 0), 0);
}
