import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { claimDataDirectory } from '../../../knative/local/parts/data-directory.ts';
import { createTopics, startKafka } from '../../../knative/local/parts/kafka.ts';
import { brokerVersion } from '../../../knative/local/parts/kafka-version.ts';
import { createTestTopic, testBrokers, uniqueName } from '../../setup/kafka.ts';
import { temporaryDirectory } from '../../setup/temporary-directory.ts';

// Kafka's side of the contract: how a Kafka 4 answers kafkajs, which was made for older brokers.

const brokers = testBrokers() ?? [];

(testBrokers() ? describe : describe.skip)('a real Kafka', () => {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });

  test('is Kafka 4 or later, as the broker itself says over its protocol', async () => {
    const { major, release } = await brokerVersion(brokers[0] ?? '');
    expect(major).toBeGreaterThanOrEqual(4);
    expect(release).toMatch(/^4\.\d+/);
  });

  test('takes idempotent messages of kafkajs and gives them back in order, headers and keys too', async () => {
    const topic = await createTestTopic('one-gate.payments', 3);
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (let at = 0; at < 20; at += 1) {
      const headers = { ce_id: `event-${at}`, ce_type: 'one-gate.payment.succeeded' };
      await producer.send({ topic, acks: -1, messages: [{ key: 'account', value: `{"at":${at}}`, headers }] });
    }
    await producer.disconnect();

    const consumer = kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          seen.push(`${message.key} ${message.headers?.['ce_id']} ${message.value}`);
          if (seen.length === 20) resolve();
        },
      });
    });
    await consumer.disconnect();
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => `account event-${at} {"at":${at}}`));
  });

  test('a given Kafka is used as it is', async () => {
    const directory = await temporaryDirectory();
    const data = await claimDataDirectory(directory.path);
    const part = await startKafka(data, { brokers: ` ${brokers.join(' , ')}`, cacheDirectory: directory.path });
    expect(part).toMatchObject({ brokers, pid: undefined });
    expect(part).toMatchObject({ description: expect.stringMatching(/^Kafka 4\.\d+, the one of KAFKA_BROKERS$/) });
    await directory.remove();
  });

  test('does not create a topic that was not declared', async () => {
    const producer = kafka.producer({ retry: { retries: 1, initialRetryTime: 10 } });
    await producer.connect();
    const topic = uniqueName('undeclared');
    await expect(producer.send({ topic, messages: [{ value: 'x' }] })).rejects.toThrow();
    await producer.disconnect();
    const admin = kafka.admin();
    await admin.connect();
    expect(await admin.listTopics()).not.toContain(topic);
    await admin.disconnect();
  });

  test('topics are created once, however often they are requested', async () => {
    const topic = uniqueName('one-gate.payments');
    await Promise.all([createTopics(brokers, [topic], 2), createTopics(brokers, [topic], 2)]);
    await createTopics(brokers, [topic, uniqueName('other')], 2);
    const admin = kafka.admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.disconnect();
    expect(topics[0]?.partitions).toHaveLength(2);
  });
});

test('a sentence names brokers that cannot be used', async () => {
  const directory = await temporaryDirectory();
  const data = await claimDataDirectory(directory.path);
  const starting = startKafka(data, { brokers: '127.0.0.1:1', cacheDirectory: directory.path });
  await expect(starting).rejects.toThrow(/^The Kafka of KAFKA_BROKERS cannot be used. .* does not answer: /);
  await directory.remove();
});

test('a broker that does not answer is given up after the limit', async () => {
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  await expect(brokerVersion(`127.0.0.1:${port}`, 50)).rejects.toThrow('took longer than 50 ms');
  await new Promise((resolve) => silent.close(resolve));
  await expect(brokerVersion(`127.0.0.1:${port}`)).rejects.toThrow('does not answer');
});
