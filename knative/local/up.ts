// `make up`: the platform in the foreground until Ctrl-C. Prints its addresses, which parts are real, and a first
// request to paste.

import { join } from 'node:path';
import process from 'node:process';
import { ROOT } from '../functions.ts';
import { askPlatform, type PlatformStatus } from './admin.ts';
import { type Platform, startPlatform } from './platform.ts';

const dataDirectory = process.env['DATA_DIRECTORY'] ?? join(ROOT, '.data');
const port = Number(process.env['PORT'] ?? 8080);

const say = (text: string) => process.stdout.write(`${text}\n`);
const log = (sentence: string) => say(`${new Date().toTimeString().slice(0, 8)}  ${sentence}`);

if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  process.stderr.write('PORT must be a number from 1 to 65535.\n');
  process.exit(64);
}

const running = (await askPlatform(dataDirectory, 'GET', '/status')) as PlatformStatus | undefined;
if (running) {
  process.stderr.write(
    `One Gate is up already at ${running.publicUrl} (process ${running.pid}): \`make down\` stops it.\n`,
  );
  process.exit(1);
}

let platform: Platform | undefined;
let leaving = false;

// The signal may come while parts are still starting: they end with this process in any case.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (leaving) return;
    leaving = true;
    say('\nStopping: requests in flight are answered first.');
    void (platform?.stop() ?? Promise.resolve()).finally(() => process.exit(0));
  });
}

try {
  const began = performance.now();
  say('Building functions, starting PostgreSQL, Redis and Kafka ...');
  platform = await startPlatform({ dataDirectory, port, simulatorPort: 9101, log });
  introduce(platform, performance.now() - began);
} catch (error) {
  if (leaving) process.exit(0);
  process.stderr.write(`\n${(error as Error).message}\n`);
  process.exit(1);
}

function introduce({ publicUrl, simulators, parts, kafkaMissing, notPlayed }: Platform, took: number): void {
  const width = Math.max(...parts.map(({ description }) => description.length)) + 2;
  say(`
One Gate is up after ${(took / 1000).toFixed(1)} s.

  gateway             ${publicUrl}
  documentation       ${publicUrl}/docs  (${publicUrl}/v1/openapi.json)
${Object.entries(simulators)
  .map(([name, url]) => `  ${`${name} simulator`.padEnd(20)}${url}`)
  .join('\n')}

Real parts:
${parts.map(({ description, address }) => `  ${description.padEnd(width)}${address}`).join('\n')}${
  kafkaMissing ? `\n  no Kafka, because ${kafkaMissing}: events go over HTTP straight to their functions` : ''
}
Knative is played from knative/overlays/development, Kong from kong/kong.yaml and kong/routes.yaml. Left to the real Kong:
${notPlayed.map((each) => `  ${each}`).join('\n')}

A first request:

  curl -i ${publicUrl}/v1/register -H 'content-type: application/json' \\
    -d '{"username":"ayu","email":"ayu@example.com","phone":"+6281234567890","password":"correct horse battery"}'

Logs are in .data/logs, \`make ps\` shows the functions, Ctrl-C stops everything. What happens:
`);
}
