// Metrics reach a collector at the end of a run, not at some time after the instance has gone.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServedRole } from '../../../../migrations/run.ts';
import { SCHEDULE_TYPE } from '../../../../shared/platform/events/schedule.ts';
import { createTestDatabase, type TestDatabase } from '../../../setup/database.ts';
import { startFunction } from '../../../setup/function-process.ts';

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

test('report-findings pushes the open findings and the age of the proof, before it answers', async () => {
  const metrics = await pushedBy('report-findings', 'reader');
  expect([...metrics.keys()].sort()).toEqual([
    'one_gate.findings.open',
    'one_gate.trial_balance.age_seconds',
    'one_gate.trial_balance.violations',
  ]);
  const points = (name: string) => metrics.get(name) ?? [];
  const kinds = points('one_gate.findings.open').map(({ attributes }) => attributes[0]?.value.stringValue);
  expect(kinds).toEqual(expect.arrayContaining(['ledger_balance', 'hold_overdue', 'topup_stuck']));
  expect(points('one_gate.trial_balance.violations').map(figure)).toEqual([0]);
  expect(points('one_gate.trial_balance.age_seconds').map(figure)[0]).toBeGreaterThanOrEqual(0);
});

test('find-overdue pushes how many events wait, before it answers', async () => {
  const metrics = await pushedBy('find-overdue', 'auditor');
  expect([...metrics].map(([name, points]) => [name, points.map(figure)])).toEqual([['one_gate.outbox.overdue', [0]]]);
});

const figure = ({ asDouble, asInt }: Point) => Number(asDouble ?? asInt);

/** The gauges that a collector has got when the function answers its first tick. */
async function pushedBy(name: string, role: ServedRole): Promise<Map<string, Point[]>> {
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
  const served = await startFunction(name, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    DATABASE_URL: database.urls[role],
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
  });
  // On a busy machine a run may not finish its work; another run follows.
  while ((await tick(served.url)) !== 204);
  const [resource] = pushed.at(-1)?.resourceMetrics ?? [];
  expect(resource?.resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: name } });
  served.kill('SIGTERM');
  expect(await served.ended).toBe(0);
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
  const metrics = resource?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
  return new Map(metrics.map((each) => [each.name, each.gauge?.dataPoints ?? []]));
}

async function tick(url: string): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/test',
    'ce-type': SCHEDULE_TYPE,
  };
  return (await fetch(`${url}/events`, { method: 'POST', headers, body: '{}' })).status;
}
