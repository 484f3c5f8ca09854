// A function that a test controls: it answers when the test says so, and reports what it has seen.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { buildStarter } from '../../../knative/local/build.ts';
import { type Knative, startKnative } from '../../../knative/local/knative.ts';
import type { ScaleBounds, ServiceManifest } from '../../../knative/local/manifests.ts';
import type { ServiceStatus } from '../../../knative/local/service.ts';
import { temporaryDirectory } from '../../setup/temporary-directory.ts';

const FUNCTION = `
import { createServer } from 'node:http';
const held = new Set();
let most = 0;
let answered = 0;
const server = createServer((request, response) => {
  if (request.url === '/health/readiness') return response.end('ready');
  if (request.url === '/tell') return response.end(JSON.stringify({ held: held.size, most, answered, environment: process.env }));
  if (request.url === '/release') {
    for (const each of held) { answered += 1; each.end(String(process.pid)); }
    held.clear();
    return response.end();
  }
  if (request.url === '/crash') process.exit(7);
  if (request.url === '/now') { answered += 1; return response.end(String(process.pid)); }
  if (request.url === '/echo') { response.writeHead(200, request.headers); return request.pipe(response); }
  held.add(response);
  response.once('close', () => held.delete(response));
  most = Math.max(most, held.size);
});
if (process.env.BROKEN) throw new Error('DATABASE_URL is not set: it must hold an address');
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

export interface Told {
  held: number;
  most: number;
  answered: number;
  environment: Record<string, string>;
}

export interface ScaledFunction {
  /** The platform's log, sentence by sentence. */
  said: string[];
  ask(path: string, options?: Partial<Dispatcher.RequestOptions>): Promise<{ status: number; text: string }>;
  status(): ServiceStatus;
  /** Asks an instance directly, past the platform. */
  tell(port: number, path: string): Promise<string>;
  told(port: number): Promise<Told>;
  releaseAll(): Promise<void>;
  knative: Knative;
  stop(): Promise<void>;
}

export const SCALE: ScaleBounds = {
  min: 0,
  max: 3,
  activation: 1,
  target: 100,
  utilization: 0.7,
  windowMs: 60_000,
  panicWindowMs: 6000,
  panicThreshold: 2,
  scaleDownDelayMs: 0,
  retentionMs: 0,
};

/** Starts a Knative with this one function. */
export async function scaledFunction(
  manifest: Partial<Omit<ServiceManifest, 'scale'>> = {},
  scale: Partial<ScaleBounds> = {},
): Promise<ScaledFunction> {
  const temporary = await temporaryDirectory();
  const directory = temporary.path;
  await mkdir(join(directory, 'bundles'));
  await buildStarter(join(directory, 'bundles'));
  await writeFile(join(directory, 'bundles', 'held.mjs'), FUNCTION);
  const said: string[] = [];
  const knative = await startKnative({
    manifests: {
      services: [
        {
          name: 'held',
          args: ['held'],
          environment: [],
          containerConcurrency: 10,
          timeoutSeconds: 20,
          ...manifest,
          scale: { ...SCALE, ...scale },
        },
      ],
      kafkaSources: [],
      pingSources: [],
      topics: [],
    },
    bundles: join(directory, 'bundles'),
    dataDirectory: directory,
    tickMs: 50,
    log: (sentence) => said.push(sentence),
    secrets: { 'one-gate-redis': { url: 'http://redis', token: 'secret' } },
    configMaps: {},
    brokers: undefined,
  });
  const status = () => knative.status()[0] as ServiceStatus;
  const tell = async (port: number, path: string) =>
    (await request(`http://127.0.0.1:${port}${path}`, { method: 'GET' })).body.text();
  return {
    said,
    knative,
    status,
    tell,
    ask: async (path, options) => {
      const answer = await request(knative.ingress + path, {
        ...options,
        method: options?.method ?? 'GET',
        headers: { host: 'held.one-gate.svc.cluster.local', ...(options?.headers as Record<string, string>) },
        headersTimeout: 0,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    },
    told: async (port) => JSON.parse(await tell(port, '/tell')) as Told,
    releaseAll: async () => {
      await Promise.all(status().instances.map(({ port }) => tell(port, '/release')));
    },
    stop: async () => {
      await knative.stop();
      await temporary.remove();
    },
  };
}

/** Waits until the condition holds, and fails with `what` when it never does. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  for (const deadline = Date.now() + limitMs; Date.now() < deadline; await delay(10)) {
    if (await isSo()) return;
  }
  throw new Error(`It never came about that ${what}`);
}
