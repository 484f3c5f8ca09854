// How a process of a function begins: with proofs of its callers, or on loopback alone.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { ROOT } from '../../../../knative/functions.ts';
import { freePort } from '../../../../knative/local/parts/free-port.ts';

const PROOFS = {
  GATEWAY_PROOF: 'proof-of-the-gateway-0123456789abcdef',
  SOURCE_PROOF: 'proof-of-the-sources-0123456789abcdef',
};
const elsewhere = Object.values(networkInterfaces())
  .flat()
  .find((address) => address && !address.internal && address.family === 'IPv4')?.address;

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

interface Started {
  port: number;
  said(): string;
  /** Its exit code, once it has ended. */
  ended: Promise<unknown>;
}

async function start(environment: Record<string, string>, bundle = 'documentation.docs'): Promise<Started> {
  const port = await freePort();
  const started = spawn(process.execPath, [join(ROOT, '.build', `${bundle}.mjs`)], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  let said = '';
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (text) => {
      said += text;
    });
  }
  return { port, said: () => said, ended: once(started, 'close').then(([code]) => code) };
}

/** The status of the answer, once anything answers; undefined where nothing listens. */
async function ask(address: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const answer = await fetch(`http://${address}/docs`, { headers }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status;
}

async function untilReady({ port, said }: Started): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/readiness`).catch(() => undefined);
    if (answer?.ok) return;
    if (child?.exitCode !== null) throw new Error(said());
    await delay(10);
  }
}

test.each<[string, Record<string, string>, RegExp]>([
  ['of the gateway', {}, /GATEWAY_PROOF is not set/],
  ['of the sources', { GATEWAY_PROOF: PROOFS.GATEWAY_PROOF }, /SOURCE_PROOF is not set/],
  ['long enough', { ...PROOFS, GATEWAY_PROOF: 'short-proof' }, /GATEWAY_PROOF must be 32 to 256 letters/],
])('a process of Knative without a proof %s does not start, and says why', async (_what, environment, sentence) => {
  const started = await start({ K_SERVICE: 'documents', ...environment });
  expect(await started.ended).toBe(1);
  expect(started.said()).toMatch(sentence);
  for (const proof of Object.values(environment)) expect(started.said()).not.toContain(proof);
});

test('a process that is started by hand answers on loopback, and nowhere else', async () => {
  const started = await start({});
  await untilReady(started);
  expect(await ask(`127.0.0.1:${started.port}`)).toBe(200);
  if (elsewhere) expect(await ask(`${elsewhere}:${started.port}`)).toBeUndefined();
});

test('a process of Knative listens on each address, or on the one that it is told', async () => {
  const bearing = { 'x-gateway-proof': PROOFS.GATEWAY_PROOF };
  const open = await start({ K_SERVICE: 'documents', ...PROOFS });
  await untilReady(open);
  if (elsewhere) expect(await ask(`${elsewhere}:${open.port}`, bearing)).toBe(200);
  child?.kill('SIGKILL');
  const bound = await start({ K_SERVICE: 'documents', HOST: '127.0.0.1', ...PROOFS });
  await untilReady(bound);
  expect(await ask(`127.0.0.1:${bound.port}`, bearing)).toBe(200);
  if (elsewhere) expect(await ask(`${elsewhere}:${bound.port}`, bearing)).toBeUndefined();
});

test('no proof is in the log, however much that tells, and many refusals are one line', async () => {
  const started = await start({ K_SERVICE: 'documents', LOG_LEVEL: 'trace', ...PROOFS });
  await untilReady(started);
  const address = `127.0.0.1:${started.port}`;
  const wrong = 'guess-of-a-proof-0123456789abcdefghij';
  expect(await ask(address, { 'x-gateway-proof': PROOFS.GATEWAY_PROOF })).toBe(200);
  for (let count = 0; count < 20; count++) expect(await ask(address, { 'x-gateway-proof': wrong })).toBe(403);
  child?.kill('SIGTERM');
  expect(await started.ended).toBe(0);
  for (const proof of [...Object.values(PROOFS), wrong]) expect(started.said()).not.toContain(proof);
  expect(started.said().match(/a request was refused/g)).toHaveLength(1);
});
