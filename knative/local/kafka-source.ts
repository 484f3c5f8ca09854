// Plays one KafkaSource: reads its topics as its consumer group, delivers with its rules, commits what is done with. As on a cluster,
// an event that found no taker and no place among the dead letters is dropped, but here it is said aloud.

import { type Consumer, type EachBatchPayload, Kafka, type KafkaMessage, logLevel, type Producer } from 'kafkajs';
import type { Dispatcher } from 'undici';
import { deliver } from './delivery.ts';
import { toDeadLetter, toHttp, withExtensions } from './event-message.ts';
import { clusterAddress } from './ingress.ts';
import type { KafkaSourceManifest } from './manifests.ts';
import { type PartitionProgress, partitionProgress } from './partition-progress.ts';

/** max.poll.records of Knative's consumer: so many events of an unordered source are on their way at once. */
const MOST_IN_FLIGHT = 50;
const HEARTBEAT_MS = 3000;
const COMMIT_MS = 500;
/** How long deliveries in flight may take to end when the platform stops. */
const PATIENCE_MS = 2000;

export interface RunningSource {
  name: string;
  /** Lets deliveries in flight end, commits, leaves the group. */
  stop(): Promise<void>;
}

export interface SourceGround {
  brokers: readonly string[];
  /** Answers cluster-local addresses. */
  ingress: Dispatcher;
  log(sentence: string): void;
}

/** Resolves once the group has its partitions. */
export async function startKafkaSource(manifest: KafkaSourceManifest, ground: SourceGround): Promise<RunningSource> {
  const kafka = new Kafka({ clientId: manifest.name, brokers: [...ground.brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const consumer = kafka.consumer({
    groupId: manifest.consumerGroup,
    maxWaitTimeInMs: 500,
    sessionTimeout: 20_000,
    allowAutoTopicCreation: false,
  });
  const ending = new AbortController();
  const handle = messageHandler(manifest, ground, producer, ending.signal);
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: manifest.topics, fromBeginning: manifest.fromBeginning });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  consumer.on(consumer.events.CRASH, ({ payload }) =>
    ground.log(`KafkaSource ${manifest.name}: ${payload.error.message}${payload.restart ? ', trying again' : ''}`),
  );
  const finish = manifest.ordered
    ? await runOrdered(consumer, manifest, handle)
    : await runUnordered(consumer, manifest, handle, ground.log);
  await joined;
  return {
    name: manifest.name,
    async stop() {
      await finish(ending);
      await consumer.stop();
      await Promise.allSettled([consumer.disconnect(), producer.disconnect()]);
    },
  };
}

type Handle = (message: KafkaMessage, topic: string, partition: number) => Promise<void>;

/** Resolves when the event is done with, one way or the other; rejects when the platform stops first. */
function messageHandler(
  manifest: KafkaSourceManifest,
  ground: SourceGround,
  producer: Producer,
  signal: AbortSignal,
): Handle {
  const sink = { url: new URL(clusterAddress(manifest.sink.service, manifest.sink.path)), ingress: ground.ingress };
  return async (message, topic, partition) => {
    const read = toHttp(message, { source: manifest.name, topic, partition });
    const event = withExtensions(read, manifest.extensions);
    const result = await deliver(sink, event, manifest.delivery, signal);
    if (result === 'delivered') return;
    const what = `event ${event.headers['ce-id'] ?? message.offset} of ${topic}`;
    const why = result.knativeerrorcode ? `answered ${result.knativeerrorcode}` : 'could not be reached';
    if (!manifest.deadLetterTopic) {
      ground.log(
        `KafkaSource ${manifest.name}: ${what} is dropped: ${manifest.sink.service} ${why}, and no dead letters are kept`,
      );
      return;
    }
    try {
      await producer.send({ topic: manifest.deadLetterTopic, messages: [toDeadLetter(message, result)] });
      ground.log(`KafkaSource ${manifest.name}: ${what} is a dead letter: ${manifest.sink.service} ${why}`);
    } catch (error) {
      ground.log(
        `KafkaSource ${manifest.name}: ${what} is dropped: its dead letter failed (${(error as Error).message})`,
      );
    }
  };
}

/** One event in flight per partition; the next waits for its whole retry time. */
async function runOrdered(consumer: Consumer, manifest: KafkaSourceManifest, handle: Handle) {
  const inFlight = new Set<Promise<void>>();
  let leaving = false;
  await consumer.run({
    autoCommit: true,
    autoCommitInterval: COMMIT_MS,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: manifest.consumers,
    eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary }) => {
      for (const message of batch.messages) {
        if (!isRunning() || isStale() || leaving) return;
        const work = handle(message, batch.topic, batch.partition).finally(() => inFlight.delete(work));
        inFlight.add(work);
        await alive(heartbeat, work);
        resolveOffset(message.offset);
        await commitOffsetsIfNecessary();
      }
    },
  });
  // What has ended is committed by the consumer on its way out.
  return async (ending: AbortController) => {
    leaving = true;
    await letEnd(inFlight, ending);
  };
}

/** Many at once; what is committed is what has no unfinished event before it. */
async function runUnordered(
  consumer: Consumer,
  manifest: KafkaSourceManifest,
  handle: Handle,
  log: (sentence: string) => void,
) {
  const progress = new Map<string, PartitionProgress>();
  const inFlight = new Set<Promise<void>>();
  const most = MOST_IN_FLIGHT * manifest.consumers;
  let leaving = false;

  const commit = async () => {
    const offsets = [...progress.values()].flatMap((each) => each.committable());
    if (offsets.length === 0) return;
    // Not committed means delivered once more: consumers are used to that.
    await consumer
      .commitOffsets(offsets)
      .catch((error: Error) => log(`KafkaSource ${manifest.name}: ${error.message}`));
  };
  const timer = setInterval(() => void commit(), COMMIT_MS);
  timer.unref();
  consumer.on(consumer.events.GROUP_JOIN, () => progress.clear());

  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: manifest.consumers,
    eachBatch: async (payload: EachBatchPayload) => {
      const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
      const key = `${batch.topic}/${batch.partition}`;
      for (const message of batch.messages) {
        while (inFlight.size >= most && isRunning() && !leaving) await alive(heartbeat, Promise.race(inFlight));
        if (!isRunning() || isStale() || leaving) return;
        const mine = progress.get(key) ?? partitionProgress(batch.topic, batch.partition);
        progress.set(key, mine);
        const done = mine.begin(message.offset);
        const work = handle(message, batch.topic, batch.partition)
          .then(done, () => undefined)
          .finally(() => inFlight.delete(work));
        inFlight.add(work);
        // Fetching goes on behind it; what was fetched is not yet what is committed.
        resolveOffset(message.offset);
      }
    },
  });
  // Committed before the group is left: afterwards it could not be.
  return async (ending: AbortController) => {
    leaving = true;
    clearInterval(timer);
    await letEnd(inFlight, ending);
    await commit();
  };
}

/** What takes longer than the platform has patience is given up: it will be delivered again. */
async function letEnd(inFlight: ReadonlySet<Promise<void>>, ending: AbortController): Promise<void> {
  const patience = setTimeout(() => ending.abort(new Error('the platform is stopping')), PATIENCE_MS);
  await Promise.allSettled(inFlight);
  clearTimeout(patience);
}

/** Keeps the group's membership while something takes long. */
async function alive<Value>(heartbeat: () => Promise<void>, work: Promise<Value>): Promise<Value> {
  const timer = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
