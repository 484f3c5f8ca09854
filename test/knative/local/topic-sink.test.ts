import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import type { KafkaSourceManifest } from '../../../knative/local/manifests.ts';
import { startTopicSink, type TopicSink } from '../../../knative/local/topic-sink.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';

const SOURCE: KafkaSourceManifest = {
  name: 'settle-topup-gopay',
  topics: ['one-gate.topups.gopay'],
  consumerGroup: 'settle-topup-gopay',
  fromBeginning: true,
  consumers: 3,
  ordered: false,
  delivery: { retry: 8, backoffDelayMs: 500, exponential: true, timeoutMs: 2000 },
  deadLetterTopic: 'one-gate.topups.gopay.dead-letters',
  extensions: { sourceproof: 'proof' },
  sink: { service: 'settle-topup', path: '/events' },
};

let directory: TemporaryDirectory;
let sink: TopicSink;
let status = 204;
let seen: { host: string | undefined; id: unknown; proof: unknown }[] = [];
let ends: (() => unknown)[] = [];

beforeEach(async () => {
  directory = await temporaryDirectory();
  seen = [];
  const server = createServer((request, response) => {
    const { host, 'ce-id': id, 'ce-sourceproof': proof } = request.headers;
    seen.push({ host, id, proof });
    request.resume().on('end', () => response.writeHead(status).end('{"code":"invalid_request"}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ingress = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  sink = await startTopicSink({
    sources: [SOURCE],
    topics: ['one-gate.topups.gopay', 'one-gate.payments'],
    ingress,
    dataDirectory: directory.path,
    log: () => undefined,
  });
  ends = [() => sink.stop(), () => ingress.destroy(), () => server.close(), () => directory.remove()];
});

afterEach(async () => {
  for (const end of ends) await end();
});

function publish(topic: string): Promise<Response> {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-type': 't',
    'ce-source': '/s',
    'content-type': 'application/json',
  };
  return fetch(sink.address.replace('{topic}', topic), { method: 'POST', headers, body: '{}' });
}

describe('events without a Kafka', () => {
  test('an event reaches the function that the source of its topic names, before the publisher hears that it is taken', async () => {
    status = 204;
    expect((await publish('one-gate.topups.gopay')).status).toBe(202);
    expect(seen).toEqual([{ host: 'settle-topup.one-gate.svc.cluster.local', id: '1', proof: 'proof' }]);
  });

  test('a topic that nobody reads takes events all the same', async () => {
    expect((await publish('one-gate.payments')).status).toBe(202);
    expect(seen).toEqual([]);
  });

  test('a function that is busy means 503: the event stays in the outbox', async () => {
    status = 503;
    expect((await publish('one-gate.topups.gopay')).status).toBe(503);
  });

  test('what the function refuses for good is kept as a dead letter', async () => {
    status = 422;
    expect((await publish('one-gate.topups.gopay')).status).toBe(202);
    const file = join(directory.path, 'dead-letters', 'one-gate.topups.gopay.dead-letters.jsonl');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ 'ce-id': '1', knativeerrorcode: '422' });
  });

  test('a topic that has no manifest does not exist', async () => {
    expect((await publish('one-gate.tpyo')).status).toBe(404);
  });
});
