// Metrics reach a collector at the end of a run, not at some time after the instance has gone.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { startFunction } from '../../setup/function-process.ts';
import { createTestRedis } from '../../setup/redis.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface Point {
  attributes: { key: string; value: { stringValue: string } }[];
  asDouble?: number;
  asInt?: number | string;
}
interface Pushed {
  resourceMetrics: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] };
    scopeMetrics: { metrics: { name: string; gauge?: { dataPoints: Point[] }; sum?: { dataPoints: Point[] } }[] }[];
  }[];
}

test('reconcile pushes what it has found before it answers', async () => {
  const pushed: Pushed[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      if (request.url === '/v1/metrics') pushed.push(JSON.parse(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const redis = await createTestRedis();
  const served = await startFunction('reconcile', {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    DATABASE_URL: database.urls.money,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
  });
  const tick = () =>
    fetch(`${served.url}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': '1',
        'ce-source': '/test',
        'ce-type': 'dev.knative.sources.ping',
      },
      body: '{}',
    });
  // A run that could not do everything, on a machine with too much to do, is followed by another.
  while ((await tick()).status !== 204);
  const first = pushed.at(-1);
  expect(first?.resourceMetrics[0]?.resource.attributes).toContainEqual({
    key: 'service.name',
    value: { stringValue: 'reconcile' },
  });
  const metrics = new Map(
    first?.resourceMetrics[0]?.scopeMetrics.flatMap((scope) => scope.metrics).map((each) => [each.name, each]),
  );
  expect([...metrics.keys()].sort()).toEqual([
    'one_gate.findings.open',
    'one_gate.outbox.overdue',
    'one_gate.trial_balance.age_seconds',
    'one_gate.trial_balance.violations',
  ]);
  const points = (name: string) => metrics.get(name)?.gauge?.dataPoints ?? [];
  const kinds = points('one_gate.findings.open').map(({ attributes }) => attributes[0]?.value.stringValue);
  expect(kinds).toEqual(expect.arrayContaining(['ledger_balance', 'hold_overdue', 'topup_stuck']));
  const figure = ({ asDouble, asInt }: Point) => Number(asDouble ?? asInt);
  expect(points('one_gate.trial_balance.violations').map(figure)).toEqual([0]);
  expect(points('one_gate.trial_balance.age_seconds').map(figure)[0]).toBeGreaterThanOrEqual(0);

  served.kill('SIGTERM');
  expect(await served.ended).toBe(0);
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
});
