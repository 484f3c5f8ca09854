// `make down`: stops a platform that runs in another terminal, as Ctrl-C would there.

import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../functions.ts';
import { askPlatform } from './admin.ts';

const dataDirectory = process.env['DATA_DIRECTORY'] ?? join(ROOT, '.data');
if (!(await askPlatform(dataDirectory, 'POST', '/stop'))) {
  process.stdout.write('No platform is running here.\n');
  process.exit(0);
}
for (const deadline = Date.now() + 90_000; Date.now() < deadline; await delay(100)) {
  if ((await askPlatform(dataDirectory, 'GET', '/status')) === undefined) {
    process.stdout.write('Stopped.\n');
    process.exit(0);
  }
}
process.stderr.write('It is still stopping after 90 s: see the terminal it runs in.\n');
process.exit(1);
