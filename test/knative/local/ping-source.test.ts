import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import { type RunningSchedule, startPingSource } from '../../../knative/local/ping-source.ts';
import { until } from './scaled-function.ts';

const MANIFEST = {
  name: 'reconcile-topups',
  schedule: '* * * * * *',
  timezone: 'Asia/Jakarta',
  contentType: 'application/json',
  data: '{}',
  extensions: { sourceproof: 'proof' },
  sink: { service: 'reconcile-topups', path: '/events' },
};

let running: RunningSchedule | undefined;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  running?.stop();
  for (const end of ends.splice(0)) await end();
});

async function answering(status: (count: number) => number) {
  const seen: { path: string; headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ path: request.url ?? '', headers: request.headers, body });
    response.writeHead(status(seen.length)).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  ends.push(
    () => pool.destroy(),
    () => server.close(),
  );
  return { seen, pool };
}

test('at its time the sink gets a CloudEvent as a PingSource sends it', async () => {
  const { seen, pool } = await answering(() => 204);
  running = startPingSource(MANIFEST, pool, () => undefined);
  await until('it fires', () => seen.length > 0);
  expect(seen[0]).toMatchObject({ path: '/events', body: '{}' });
  expect(seen[0]?.headers).toMatchObject({
    host: 'reconcile-topups.one-gate.svc.cluster.local',
    'ce-type': 'dev.knative.sources.ping',
    'ce-source': '/apis/v1/namespaces/one-gate/pingsources/reconcile-topups',
    'content-type': 'application/json',
    'ce-sourceproof': 'proof',
  });
});

test('a function that is busy is tried again a few times', async () => {
  const { seen, pool } = await answering((count) => (count < 3 ? 503 : 204));
  running = startPingSource(MANIFEST, pool, () => undefined);
  await until('the third attempt of the same event', () => {
    const counts = new Map<unknown, number>();
    for (const { headers } of seen) counts.set(headers['ce-id'], (counts.get(headers['ce-id']) ?? 0) + 1);
    return Math.max(0, ...counts.values()) >= 2;
  });
});

test('a run that fails is said aloud', async () => {
  const said: string[] = [];
  const { pool } = await answering(() => 422);
  running = startPingSource(MANIFEST, pool, (sentence) => said.push(sentence));
  await until('it is said', () => said.length > 0);
  expect(said[0]).toBe('PingSource reconcile-topups: reconcile-topups answered 422; the next time is its next chance');
});

test('a schedule that is none is refused with its name', () => {
  const { pool } = { pool: new Pool('http://127.0.0.1:1') };
  ends.push(() => pool.destroy());
  expect(() => startPingSource({ ...MANIFEST, schedule: 'now and then' }, pool, () => undefined)).toThrow(
    /^PingSource reconcile-topups: now and then in Asia\/Jakarta is not a schedule/,
  );
});
