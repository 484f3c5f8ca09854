import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Kafka, type KafkaMessage, logLevel, type Message, type Producer } from 'kafkajs';
import { Pool } from 'undici';
import { type RunningSource, startKafkaSource } from '../../../knative/local/kafka-source.ts';
import type { KafkaSourceManifest } from '../../../knative/local/manifests.ts';
import { createTestTopic, testBrokers, uniqueName } from '../../setup/kafka.ts';
import { until } from './scaled-function.ts';

const brokers = testBrokers();

interface Posted {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  answer(status: number, body?: string): void;
}

/** Stands in the place of the cluster's ingress, and answers as the test says. */
let server: Server;
let ingress: Pool;
let posted: Posted[] = [];
let onPost: (event: Posted) => void = (event) => event.answer(204);
let kafka: Kafka;
let producer: Producer;
let sources: RunningSource[] = [];
let said: string[] = [];

(brokers ? describe : describe.skip)('a KafkaSource on a real broker', () => {
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const body = (await buffer(request)).toString('utf8');
      const answer = (status: number, text = '') => response.writeHead(status).end(text);
      const event = { path: request.url ?? '', headers: request.headers, body, answer };
      posted.push(event);
      onPost(event);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ingress = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    kafka = new Kafka({ clientId: 'test', brokers: brokers ?? [], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
  });

  afterEach(async () => {
    await Promise.all(sources.map((source) => source.stop()));
    sources = [];
    posted = [];
    said = [];
    onPost = (event) => event.answer(204);
  });

  afterAll(async () => {
    await producer?.disconnect();
    await ingress?.destroy();
    server?.close();
  });

  test('a binary CloudEvent arrives as one: attributes as ce- headers, the data byte by byte, at the path of the sink', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, eventOf('1', 'account-7', '{"amount":"10.00"}'));
    await start({ topics: [topic] });
    await until('the event is posted', () => posted.length === 1);
    expect(posted[0]).toMatchObject({ path: '/events', body: '{"amount":"10.00"}' });
    expect(posted[0]?.headers).toMatchObject({
      host: 'settle-topup.one-gate.svc.cluster.local',
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-type': 'one-gate.topup.notified',
      'ce-source': '/test',
    });
  });

  test('attributes of its manifest replace those of events, binary and structured', async () => {
    const topic = await createTestTopic('one-gate.topups');
    const structured = { specversion: '1.0', id: '2', type: 't', source: '/test', sourceproof: 'forged', data: {} };
    await publish(
      topic,
      { ...eventOf('1'), headers: { ...eventOf('1').headers, ce_sourceproof: 'forged' } },
      { value: JSON.stringify(structured), headers: { 'content-type': 'application/cloudevents+json' } },
      { value: 'broken', headers: { 'content-type': 'application/cloudevents+json' } },
    );
    await start({ topics: [topic], extensions: { sourceproof: 'proof' } });
    await until('all are posted', () => posted.length === 3);
    expect(posted.find(({ headers }) => headers['ce-id'] === '1')?.headers['ce-sourceproof']).toBe('proof');
    const whole = posted.find(({ body }) => body.startsWith('{"specversion"'));
    expect(JSON.parse(whole?.body ?? '')).toEqual({ ...structured, sourceproof: 'proof' });
    expect(JSON.stringify(posted)).not.toContain('forged');
  });

  test('a record that is not a CloudEvent becomes one that names its topic, partition and offset', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, { key: 'k', value: 'plain', headers: { 'X-Origin': 'elsewhere' } });
    const { name } = await start({ topics: [topic] });
    await until('the event is posted', () => posted.length === 1);
    expect(posted[0]?.headers).toMatchObject({
      'ce-type': 'dev.knative.kafka.event',
      'ce-id': 'partition:0/offset:0',
      'ce-source': `/apis/v1/namespaces/one-gate/kafkasources/${name}#${topic}`,
      'ce-key': 'k',
      'ce-kafkaheaderxorigin': 'elsewhere',
    });
  });

  test.each([500, 503, 404, 408, 409, 429])(
    'an event answered with %i is tried again until it is taken',
    async (status) => {
      const topic = await createTestTopic('one-gate.topups');
      await publish(topic, eventOf('1'));
      onPost = (event) => event.answer(posted.length < 3 ? status : 202);
      await start({ topics: [topic] });
      await until('the third attempt is made', () => posted.length === 3);
      expect(posted.map(({ headers }) => headers['ce-id'])).toEqual(['1', '1', '1']);
      expect(said).toEqual([]);
    },
  );

  test.each([400, 401, 410, 415, 422])(
    'an event answered with %i goes to the dead letters at once, with the reason',
    async (status) => {
      const [topic, letters] = await Promise.all([createTestTopic('one-gate.topups'), createTestTopic('dead-letters')]);
      await publish(topic, eventOf('1', 'account-7', '{"amount":"10.00"}'));
      onPost = (event) => event.answer(status, '{"code":"invalid_request"}');
      await start({ topics: [topic], deadLetterTopic: letters });
      const [letter] = await read(letters, 1);
      expect(posted).toHaveLength(1);
      expect(letter?.key?.toString()).toBe('account-7');
      expect(letter?.value?.toString()).toBe('{"amount":"10.00"}');
      expect(textOf(letter)).toMatchObject({
        ce_id: '1',
        ce_type: 'one-gate.topup.notified',
        'content-type': 'application/json',
        ce_knativeerrordest: 'http://settle-topup.one-gate.svc.cluster.local/events',
        ce_knativeerrorcode: String(status),
        ce_knativeerrordata: Buffer.from('{"code":"invalid_request"}').toString('base64'),
      });
    },
  );

  test('an event that its function never takes is a dead letter after the last retry', async () => {
    const [topic, letters] = await Promise.all([createTestTopic('one-gate.topups'), createTestTopic('dead-letters')]);
    await publish(topic, eventOf('1'));
    onPost = (event) => event.answer(503, 'busy');
    await start({ topics: [topic], deadLetterTopic: letters, retry: 3 });
    const [letter] = await read(letters, 1);
    expect(posted).toHaveLength(4);
    expect(textOf(letter)).toMatchObject({ ce_knativeerrorcode: '503' });
    expect(said.join()).toContain('is a dead letter: settle-topup answered 503');
  });

  test('a sink that cannot be reached is tried again, and its dead letter has no code', async () => {
    const [topic, letters] = await Promise.all([createTestTopic('one-gate.topups'), createTestTopic('dead-letters')]);
    await publish(topic, eventOf('1'));
    const nobody = new Pool('http://127.0.0.1:1');
    await start({ topics: [topic], deadLetterTopic: letters, retry: 1 }, nobody);
    const [letter] = await read(letters, 1);
    expect(textOf(letter)).not.toHaveProperty('ce_knativeerrorcode');
    expect(textOf(letter)).toHaveProperty('ce_knativeerrordata');
    await nobody.destroy();
  });

  test('an answer that takes longer than the delivery allows counts as none', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, eventOf('1'));
    onPost = (event) => posted.length === 2 && event.answer(204);
    await start({ topics: [topic], timeoutMs: 100 });
    await until('it is tried again', () => posted.length === 2);
  });

  test('without a place for dead letters the event is dropped, and a sentence says so', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, eventOf('1'), eventOf('2'));
    onPost = (event) => event.answer(event.headers['ce-id'] === '1' ? 422 : 204);
    await start({ topics: [topic] });
    await until('the next event arrives all the same', () => posted.length === 2);
    await until('it is said', () => said.join().includes('event 1'));
    expect(said.join()).toContain('is dropped: settle-topup answered 422, and no dead letters are kept');
  });

  test('unordered: an event that is being retried holds up no other event', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, eventOf('poison'), ...Array.from({ length: 20 }, (_, index) => eventOf(`${index}`)));
    onPost = (event) => event.answer(event.headers['ce-id'] === 'poison' ? 503 : 204);
    await start({ topics: [topic], retry: 1000 });
    await until('all others have arrived', () => new Set(idsOf(posted)).size === 21);
  });

  test('ordered: one event is in flight per partition, and the next waits for its retries', async () => {
    const topic = await createTestTopic('one-gate.topups');
    await publish(topic, eventOf('1'), eventOf('2'), eventOf('3'));
    let inFlight = 0;
    let most = 0;
    onPost = (event) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setImmediate(() => {
        inFlight -= 1;
        event.answer(posted.length < 3 ? 503 : 204);
      });
    };
    await start({ topics: [topic], ordered: true });
    await until('all have arrived', () => posted.length === 5);
    expect(idsOf(posted)).toEqual(['1', '1', '1', '2', '3']);
    expect(most).toBe(1);
  });

  test.each([true, false])('a finished event is not delivered again after a restart (ordered: %s)', async (ordered) => {
    const topic = await createTestTopic('one-gate.topups');
    const consumerGroup = uniqueName('group');
    await publish(topic, eventOf('1'), eventOf('2'));
    // The second event is still being answered when the platform stops.
    onPost = (event) => setTimeout(() => event.answer(204), event.headers['ce-id'] === '2' ? 300 : 0);
    const first = await start({ topics: [topic], consumerGroup, ordered });
    await until('both have arrived', () => posted.length === 2);
    await first.stop();
    await publish(topic, eventOf('3'));
    await start({ topics: [topic], consumerGroup, ordered });
    await until('the new one arrives', () => idsOf(posted).includes('3'));
    expect(idsOf(posted)).toEqual(['1', '2', '3']);
  });

  test('an event in flight at the stop of the platform is delivered again, and so are the events after it', async () => {
    const topic = await createTestTopic('one-gate.topups');
    const consumerGroup = uniqueName('group');
    await publish(topic, eventOf('1'), eventOf('2'));
    onPost = (event) => event.headers['ce-id'] === '2' && event.answer(204);
    const first = await start({ topics: [topic], consumerGroup });
    await until('both have arrived', () => posted.length === 2);
    await first.stop();
    onPost = (event) => event.answer(204);
    await start({ topics: [topic], consumerGroup });
    await until('both arrive again', () => posted.length === 4);
    expect(idsOf(posted).sort()).toEqual(['1', '1', '2', '2']);
  });
});

function eventOf(id: string, key = 'account-1', value = '{}'): Message {
  const attributes = { ce_specversion: '1.0', ce_id: id, ce_type: 'one-gate.topup.notified', ce_source: '/test' };
  return { key, value, headers: { ...attributes, 'content-type': 'application/json' } };
}

async function publish(topic: string, ...messages: Message[]): Promise<void> {
  await producer.send({ topic, messages });
}

async function start(
  given: Partial<KafkaSourceManifest> & { retry?: number; timeoutMs?: number },
  to: Pool = ingress,
): Promise<RunningSource> {
  const { retry = 10, timeoutMs = 5000, ...manifest } = given;
  const source = await startKafkaSource(
    {
      name: uniqueName('source'),
      topics: [],
      consumerGroup: uniqueName('group'),
      fromBeginning: true,
      consumers: 1,
      ordered: false,
      delivery: { retry, backoffDelayMs: 5, exponential: false, timeoutMs },
      deadLetterTopic: undefined,
      extensions: {},
      sink: { service: 'settle-topup', path: '/events' },
      ...manifest,
    },
    { brokers: brokers ?? [], ingress: to, log: (sentence) => said.push(sentence) },
  );
  sources.push(source);
  return source;
}

async function read(topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 100 });
  const messages: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void messages.push(message) });
  await until(`${count} messages are in ${topic}`, () => messages.length >= count);
  await consumer.disconnect();
  return messages;
}

const idsOf = (events: Posted[]) => events.map(({ headers }) => String(headers['ce-id']));

function textOf(message: KafkaMessage | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(message?.headers ?? {}).map(([name, value]) => [name, String(value)]));
}
