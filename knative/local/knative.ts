// The local Knative: services that scale, an address for each, sources and schedules, all from the manifests.

import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dispatcher, Pool } from 'undici';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import { startIngress } from './ingress.ts';
import type { Cluster } from './instance.ts';
import { type RunningSource, startKafkaSource } from './kafka-source.ts';
import type { Manifests } from './manifests.ts';
import { stopLeftOver } from './parts/guarded-process.ts';
import { createTopics } from './parts/kafka.ts';
import { type RunningSchedule, startPingSource } from './ping-source.ts';
import { type Objects, processEnvironment } from './process-environment.ts';
import { createService, type Service, type ServiceStatus } from './service.ts';
import { startTopicSink, type TopicSink } from './topic-sink.ts';

/** The Secret with the proofs of the gateway and the sources. */
export const PROOFS = 'one-gate-proofs';

export interface KnativeOptions extends Cluster {
  manifests: Manifests;
  secrets: Objects;
  configMaps: Objects;
  /** Undefined when there is no Kafka. */
  brokers: readonly string[] | undefined;
}

export interface Knative {
  /** Answers cluster-local names, which the Host header tells apart. */
  ingress: string;
  status(): ServiceStatus[];
  stop(): Promise<void>;
}

/** Starts sources and schedules; a function starts with its first request, or now when min-scale says so. */
export async function startKnative(given: KnativeOptions): Promise<Knative> {
  const options = { ...given, manifests: withProofs(given) };
  await requireBundles(options);
  await stopLeftOvers(join(options.dataDirectory, 'run'));
  const services = new Map<string, Service>();
  const ingress = await startIngress(services, options.log);
  const toIngress = new Pool(ingress.address, { headersTimeout: 0, bodyTimeout: 0 });
  const running: Running = { sink: undefined, sources: [], schedules: [], ticker: undefined };
  const stop = () => stopAll(running, services, ingress.stop, toIngress);
  try {
    running.sink = options.brokers ? undefined : await startTopicSink({ ...sinkOptions(options), ingress: toIngress });
    for (const manifest of options.manifests.services) {
      const environment = processEnvironment(manifest, { ...options, sink: running.sink?.address });
      services.set(manifest.name, createService(options, manifest, environment));
    }
    if (options.brokers) await startSources(options, options.brokers, toIngress, running);
    for (const manifest of options.manifests.pingSources) {
      running.schedules.push(startPingSource(manifest, toIngress, options.log));
    }
    const tick = () => {
      for (const service of services.values()) service.tick();
    };
    tick();
    running.ticker = setInterval(tick, options.tickMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ingress: ingress.address, status: () => [...services.values()].map((service) => service.status()), stop };
}

// As deploy.sh does.
function withProofs({ manifests, secrets }: KnativeOptions): Manifests {
  const proven = <Source extends { extensions: Readonly<Record<string, string>> }>(source: Source): Source => {
    const extensions = Object.entries(source.extensions).map(([name, value]) => [
      name,
      value.replaceAll('${' + 'SOURCE_PROOF}', secrets[PROOFS]?.['source']?.split(',')[0] ?? ''),
    ]);
    return { ...source, extensions: Object.fromEntries(extensions) };
  };
  return {
    ...manifests,
    kafkaSources: manifests.kafkaSources.map(proven),
    pingSources: manifests.pingSources.map(proven),
  };
}

interface Running {
  sink: TopicSink | undefined;
  sources: RunningSource[];
  schedules: RunningSchedule[];
  ticker: NodeJS.Timeout | undefined;
}

async function startSources(
  { manifests, log }: KnativeOptions,
  brokers: readonly string[],
  ingress: Dispatcher,
  running: Running,
): Promise<void> {
  for (const { name, partitions } of manifests.topics) await createTopics(brokers, [name], partitions);
  const starts = manifests.kafkaSources.map(async (manifest) => {
    running.sources.push(await startKafkaSource(manifest, { brokers, ingress, log }));
  });
  const failed = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected');
  if (failed) throw failed.reason;
}

function sinkOptions({ manifests, dataDirectory, log }: KnativeOptions) {
  return { sources: manifests.kafkaSources, topics: manifests.topics.map(({ name }) => name), dataDirectory, log };
}

// Stops the sources of work first, then the functions.
async function stopAll(
  running: Running,
  services: ReadonlyMap<string, Service>,
  stopIngress: () => Promise<void>,
  toIngress: Dispatcher,
): Promise<void> {
  clearInterval(running.ticker);
  for (const schedule of running.schedules) schedule.stop();
  await Promise.allSettled(running.sources.map((source) => source.stop()));
  await running.sink?.stop();
  await Promise.allSettled([...services.values()].map((service) => service.stop()));
  await toIngress.destroy();
  await stopIngress();
}

// Without this check a manifest without its function would only show at its first request.
async function requireBundles({ manifests, bundles }: KnativeOptions): Promise<void> {
  for (const { name, args } of manifests.services) {
    await access(join(bundles, bundleName(args))).catch(() => {
      throw new Error(
        `The Service ${name} starts ${bundleName(args)}, which is not in ${bundles}: is its function there and built?`,
      );
    });
  }
}

/** Stops processes of a platform that was killed, in case their guard was killed with it. */
async function stopLeftOvers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const records = await readdir(folder);
  await Promise.all(records.map((record) => stopLeftOver(join(folder, record), 'SIGTERM', 5)));
}
