// `make ps`: what runs, per function. A function without instances has scaled to zero and starts with its next request.

import { join } from 'node:path';
import process from 'node:process';
import { ROOT } from '../functions.ts';
import { askPlatform, type PlatformStatus } from './admin.ts';
import { textTable } from './table.ts';

const dataDirectory = process.env['DATA_DIRECTORY'] ?? join(ROOT, '.data');
const status = (await askPlatform(dataDirectory, 'GET', '/status')) as PlatformStatus | undefined;
if (!status) {
  process.stderr.write('No platform is running here: start it with `make up`.\n');
  process.exit(1);
}

const rows = status.services.map((service) => [
  service.name,
  `${service.instances.length}${service.starting > 0 ? ` (+${service.starting})` : ''}`,
  `${service.minScale}-${service.maxScale || 'any'}`,
  String(service.inFlight),
  String(service.queued),
  String(service.coldStarts),
  String(service.crashes),
  service.instances.map(({ pid, state }) => (state === 'ready' ? pid : `${pid} ${state}`)).join(' '),
]);
const head = ['function', 'instances', 'scale', 'in flight', 'queue', 'cold starts', 'crashes', 'processes'];
process.stdout.write(`${textTable([head, ...rows])}\n`);
process.stdout.write(`\n${status.publicUrl}, process ${status.pid}\n`);
