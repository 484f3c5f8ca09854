// Everything that Kafka holds, from the first event to the last.

import { Kafka, logLevel } from 'kafkajs';
import type { SeenEvent } from './courier.ts';

const READ_WITHIN_MS = 60_000;

/** The events of these topics, in no order, repetitions and all. */
export async function readTopics(broker: string, topics: readonly string[]): Promise<SeenEvent[]> {
  const kafka = new Kafka({ clientId: 'faults', brokers: [broker], logLevel: logLevel.NOTHING });
  const left = await endsOf(kafka, topics);
  const events: SeenEvent[] = [];
  if (left.size === 0) return events;
  const consumer = kafka.consumer({ groupId: `faults-${process.pid}-${Date.now()}`, allowAutoTopicCreation: false });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('The topics could not be read in time.')), READ_WITHIN_MS);
      const read = consumer.run({
        autoCommit: false,
        eachMessage: async ({ topic, partition, message }) => {
          const { type, subject } = JSON.parse(message.value?.toString() ?? '{}') as SeenEvent;
          events.push({ type, subject });
          const place = `${topic}/${partition}`;
          if (BigInt(message.offset) + 1n >= (left.get(place) ?? 0n)) left.delete(place);
          if (left.size > 0) return;
          clearTimeout(limit);
          resolve();
        },
      });
      read.catch(reject);
    });
    return events;
  } finally {
    await consumer.disconnect();
  }
}

/** The end offset of each partition that holds events. */
async function endsOf(kafka: Kafka, topics: readonly string[]): Promise<Map<string, bigint>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = new Map<string, bigint>();
    for (const topic of topics) {
      for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
        if (BigInt(high) > BigInt(low)) ends.set(`${topic}/${partition}`, BigInt(high));
      }
    }
    return ends;
  } finally {
    await admin.disconnect();
  }
}
