// `make operator USERNAME=name`: makes a registered user of the running platform an operator.

import { join } from 'node:path';
import process from 'node:process';
import { ROOT } from '../functions.ts';
import { askPlatform } from './admin.ts';
import type { RoleGiven } from './operator-role.ts';

const dataDirectory = process.env['DATA_DIRECTORY'] ?? join(ROOT, '.data');
const username = (process.argv[2] ?? '').trim().toLowerCase();

if (username === '') {
  process.stderr.write('Say who: make operator USERNAME=nadia\n');
  process.exit(64);
}
const given = (await askPlatform(dataDirectory, 'POST', `/operators/${encodeURIComponent(username)}`)) as
  | RoleGiven
  | undefined;
if (given === undefined) {
  process.stderr.write('No platform is running here: start it with `make up`.\n');
  process.exit(1);
}
if (given === 'unknown user') {
  process.stderr.write(`There is no user ${username}: register first, as at the end of what \`make up\` prints.\n`);
  process.exit(1);
}
process.stdout.write(
  given === 'given'
    ? `${username} is an operator now, with the next request; the audit trail says so.\n`
    : `${username} is an operator already.\n`,
);
