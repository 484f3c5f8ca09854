import { randomBytes } from 'node:crypto';
import { createTopics } from '../../knative/local/parts/kafka.ts';
import { partsOfThisRun } from './parts-of-this-run.ts';

/**
 * The brokers of this run; undefined on a machine without Kafka, where tests that need one are skipped:
 * `(testBrokers() ? describe : describe.skip)('...', ...)`.
 */
export function testBrokers(): string[] | undefined {
  const { brokers } = partsOfThisRun();
  return brokers && [...brokers];
}

/** A unique name for topics and consumer groups: `one-gate.payments` becomes `one-gate.payments.a1b2c3d4e5f6`. */
export function uniqueName(name: string): string {
  return `${name}.${randomBytes(6).toString('hex')}`;
}

/** Makes a topic under a unique name that starts with the given one, and returns that name. */
export async function createTestTopic(name: string, partitions = 1): Promise<string> {
  const brokers = testBrokers();
  if (!brokers) throw new Error('There is no Kafka in this run: skip this test when testBrokers() is undefined.');
  const topic = uniqueName(name);
  await createTopics(brokers, [topic], partitions);
  return topic;
}
