// relay-outbox publishes the events that an instance left in the outbox: all of them, by one relay at a time, and not
// before they are due.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { newEvent } from '../../../shared/platform/events/event.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { type FunctionProcess, startFunction } from '../../setup/function-process.ts';

let database: TestDatabase;
let admin: pg.Client;
let sink: Sink;
let relays: FunctionProcess[];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  sink = await openSink();
  const environment = { DATABASE_URL: database.urls.money, K_SINK: `${sink.url}/{topic}`, LOG_LEVEL: 'silent' };
  relays = [await startFunction('relay-outbox', environment), await startFunction('relay-outbox', environment)];
});

afterEach(async () => {
  sink.behave(() => 202);
  sink.received.length = 0;
  await admin.query('delete from outbox');
});

afterAll(async () => {
  for (const relay of relays) relay.kill('SIGTERM');
  await Promise.all(relays.map(({ ended }) => ended));
  await sink.close();
  await admin.end();
  await database.drop();
});

test('events that were left behind are published as CloudEvents, and then deleted', async () => {
  const [id] = await leaveBehind(1);
  expect(await tick(relays[0])).toBe(204);
  expect(sink.received).toHaveLength(1);
  expect(sink.received[0]).toMatchObject({
    path: '/one-gate.payments',
    body: '{"amount":"1.00"}',
    headers: {
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-type': 'one-gate.payment.succeeded',
      'ce-sequence': '7',
      'ce-partitionkey': 'account',
    },
  });
  expect(await left()).toBe(0);
});

test('two relays at once publish each of a thousand events once', async () => {
  const ids = await leaveBehind(1_000);
  expect(await Promise.all(relays.map(tick))).toEqual([204, 204]);
  expect(sink.received.map(({ headers }) => headers['ce-id']).sort()).toEqual([...ids].sort());
  expect(await left()).toBe(0);
});

test('an event that its own instance may still be publishing is left alone', async () => {
  await leaveBehind(1, '1 second');
  expect(await tick(relays[0])).toBe(204);
  expect(sink.received).toHaveLength(0);
  expect(await left()).toBe(1);
});

test('while the sink refuses, nothing is lost: the claim runs out and the next tick publishes', async () => {
  await leaveBehind(3);
  sink.behave(() => 503);
  expect(await tick(relays[0])).toBeGreaterThanOrEqual(500);
  expect(await left()).toBe(3);
  sink.behave(() => 202);
  sink.received.length = 0;
  // Still claimed by the relay that failed.
  expect(await tick(relays[1])).toBe(204);
  expect(sink.received).toHaveLength(0);
  await admin.query("update outbox set leased_until = now() - interval '1 second'");
  expect(await tick(relays[1])).toBe(204);
  expect(sink.received).toHaveLength(3);
  expect(await left()).toBe(0);
});

test('events that the sink took are deleted, those that it refused stay', async () => {
  const [first] = await leaveBehind(2);
  sink.behave((id) => (id === first ? 202 : 503));
  await tick(relays[0]);
  expect(await left()).toBe(1);
});

async function leaveBehind(count: number, age = '1 minute'): Promise<string[]> {
  const events = Array.from({ length: count }, () =>
    newEvent({
      topic: 'one-gate.payments',
      type: 'one-gate.payment.succeeded',
      source: '/one-gate/pay',
      subject: randomUUID(),
      partitionKey: 'account',
      sequence: '7',
      traceparent: null,
      data: { amount: '1.00' },
    }),
  );
  await admin.query(
    `insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, created_at)
     select id, topic, type, source, subject, "partitionKey", sequence, data, now() - $2::interval
       from json_to_recordset($1) as event (id uuid, topic text, type text, source text, subject text, "partitionKey" text, sequence bigint, data text)`,
    [JSON.stringify(events), age],
  );
  return events.map(({ id }) => id);
}

async function left(): Promise<number> {
  const { rows } = await admin.query<{ n: number }>('select count(*)::int as n from outbox');
  return rows[0]?.n ?? 0;
}

/** The event of a PingSource. */
async function tick(relay: FunctionProcess | undefined): Promise<number> {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': randomUUID(),
    'ce-type': 'dev.knative.sources.ping',
    'ce-source': '/pings',
    'content-type': 'application/json',
  };
  return (await fetch(`${relay?.url}/events`, { method: 'POST', headers, body: '{}' })).status;
}

interface Sink {
  url: string;
  received: { path: string | undefined; headers: IncomingMessage['headers']; body: string }[];
  behave(status: (eventId: string) => number): void;
  close(): Promise<void>;
}

async function openSink(): Promise<Sink> {
  const received: Sink['received'] = [];
  let statusOf: (eventId: string) => number = () => 202;
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      const status = statusOf(String(request.headers['ce-id']));
      if (status < 300) received.push({ path: request.url, headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    behave: (status) => {
      statusOf = status;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
