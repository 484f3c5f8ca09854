import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startTrace } from '../../../../shared/platform/telemetry/trace.ts';
import { startFunction } from '../../../setup/function-process.ts';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a given trace goes on under its id, with a span of its own', () => {
  const { traceparent, traceId } = startTrace('pay', PARENT);
  expect(traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
  expect(traceparent).not.toBe(PARENT);
});

test.each([
  undefined,
  'nonsense',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  `${PARENT}\r\nx-injected: 1`,
])('an invalid trace begins a new one: %p', (given) => {
  expect(startTrace('pay', given).traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/);
});

test('ids of traces do not repeat', () => {
  const ids = Array.from({ length: 5_000 }, () => startTrace('pay', undefined).traceparent);
  expect(new Set(ids).size).toBe(5_000);
});

test('with a collector, a request becomes a span of the trace that came with it, sent at the latest when the process ends', async () => {
  const received: string[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      received.push(`${request.url} ${body}`);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const served = await startFunction('openapi', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, LOG_LEVEL: 'silent' });
  expect((await fetch(`${served.url}/v1/openapi.json`, { headers: { traceparent: PARENT } })).status).toBe(200);
  served.kill('SIGTERM');
  expect(await served.ended).toBe(0);
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
  const [path, body] = [received[0]?.split(' ')[0], received.join('\n')];
  expect(path).toBe('/v1/traces');
  expect(body).toContain('"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"');
  expect(body).toContain('"parentSpanId":"00f067aa0ba902b7"');
  expect(body).toContain('"stringValue":"openapi"');
});
