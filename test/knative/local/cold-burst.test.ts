// A burst meets functions that run nowhere: every request waits for its function's start, and none fails.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { request } from 'undici';
import { buildStarter } from '../../../knative/local/build.ts';
import { type Knative, startKnative } from '../../../knative/local/knative.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';
import { SCALE, until } from './scaled-function.ts';

/** Listens only once the file GATE exists, when one is named. */
const FUNCTION = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
while (process.env.GATE && !existsSync(process.env.GATE)) await delay(5);
const server = createServer((request, response) => response.end(process.env.K_SERVICE));
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

const FUNCTIONS = 10;
const REQUESTS = 500;
const names = Array.from({ length: FUNCTIONS }, (_, number) => `cold-${number}`);

let temporary: TemporaryDirectory;
let knative: Knative;

async function start(gate?: string): Promise<void> {
  temporary = await temporaryDirectory();
  const bundles = join(temporary.path, 'bundles');
  await mkdir(bundles);
  await buildStarter(bundles);
  await writeFile(join(bundles, 'cold.mjs'), FUNCTION);
  knative = await startKnative({
    manifests: {
      services: names.map((name) => ({
        name,
        args: ['cold'],
        environment: gate ? [{ name: 'GATE', value: join(temporary.path, gate) }] : [],
        containerConcurrency: 10,
        timeoutSeconds: 20,
        scale: SCALE,
      })),
      kafkaSources: [],
      pingSources: [],
      topics: [],
    },
    bundles,
    dataDirectory: temporary.path,
    tickMs: 2000,
    log: () => undefined,
    secrets: {},
    configMaps: {},
    brokers: undefined,
  });
}

afterEach(async () => {
  await knative.stop();
  await temporary.remove();
});

async function ask(name: string): Promise<{ status: number; text: string }> {
  const headers = { host: `${name}.one-gate.svc.cluster.local` };
  const { statusCode, body } = await request(knative.ingress, { headers, headersTimeout: 0 });
  return { status: statusCode, text: await body.text() };
}

const turns = Array.from({ length: REQUESTS }, (_, turn) => names[turn % FUNCTIONS] as string);

test('500 requests at once to ten cold functions all succeed, each answered by its own', async () => {
  await start();
  expect(knative.status().flatMap(({ instances }) => instances)).toEqual([]);
  const answers = await Promise.all(turns.map(ask));
  expect(answers).toEqual(turns.map((name) => ({ status: 200, text: name })));
  expect(knative.status().map(({ coldStarts, crashes }) => ({ coldStarts, crashes }))).toEqual(
    names.map(() => ({ coldStarts: 1, crashes: 0 })),
  );
}, 60_000);

test('all requests wait for the start that the first one caused', async () => {
  await start('open');
  const answers = Promise.all(turns.map(ask));
  const waiting = () => knative.status().reduce((sum, { queued }) => sum + queued, 0);
  await until('all of them wait', () => waiting() === REQUESTS, 30_000);
  const cold = { instances: [], inFlight: 0, queued: REQUESTS / FUNCTIONS, coldStarts: 1 };
  expect(knative.status()).toEqual(names.map(() => expect.objectContaining(cold)));
  await writeFile(join(temporary.path, 'open'), '');
  expect((await answers).map(({ status }) => status)).toEqual(turns.map(() => 200));
}, 60_000);
