// How `make ps`, `make down`, `make audit` and `make operator` find a running platform: an address on the loopback interface with a
// token that only its owner can read, kept in the data directory while it runs.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { ROOT } from '../functions.ts';
import type { RoleGiven } from './operator-role.ts';
import type { ServiceStatus } from './service.ts';

export interface PlatformStatus {
  publicUrl: string;
  pid: number;
  services: ServiceStatus[];
}

export interface Admin {
  stop(): Promise<void>;
}

const FILE = 'platform.json';
const JSON_CONTENT = { 'content-type': 'application/json' };

export interface AdminActions {
  status(): PlatformStatus;
  makeOperator(username: string): Promise<RoleGiven>;
  /** Addresses of the database: for the role that only reads, and for the superuser. */
  databases: { reader: string; owner: string };
}

/** `POST /stop` is answered by sending this process the signal that Ctrl-C sends. */
export async function startAdmin(dataDirectory: string, actions: AdminActions): Promise<Admin> {
  const token = randomBytes(24).toString('base64url');
  const server = createServer((request, response) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    const expected = Buffer.from(`Bearer ${token}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return response.writeHead(401).end();
    if (request.method === 'GET' && request.url === '/status') {
      return response.writeHead(200, JSON_CONTENT).end(JSON.stringify(actions.status()));
    }
    if (request.method === 'GET' && (request.url === '/databases/reader' || request.url === '/databases/owner')) {
      const address = actions.databases[request.url === '/databases/reader' ? 'reader' : 'owner'];
      return response.writeHead(200, JSON_CONTENT).end(JSON.stringify(address));
    }
    const operator = request.method === 'POST' && /^\/operators\/([^/]+)$/.exec(request.url ?? '')?.[1];
    if (operator) {
      return void actions.makeOperator(decodeURIComponent(operator)).then(
        (given) => response.writeHead(200, JSON_CONTENT).end(JSON.stringify(given)),
        () => response.writeHead(500).end(),
      );
    }
    if (request.method === 'POST' && request.url === '/stop') {
      response.writeHead(202).end();
      return process.kill(process.pid, 'SIGTERM');
    }
    return response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const file = join(dataDirectory, FILE);
  await writeFile(file, JSON.stringify({ address: `http://127.0.0.1:${port}`, token }), { mode: 0o600 });
  return {
    stop: async () => {
      // The next platform may have written its file already.
      if ((await readFile(file, 'utf8').catch(() => '')).includes(token)) await rm(file, { force: true });
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/**
 * Asks the platform of a data directory. Returns its answer, or true for an empty one; undefined when none runs there.
 */
export async function askPlatform(dataDirectory: string, method: 'GET' | 'POST', path: string): Promise<unknown> {
  const content = await readFile(join(dataDirectory, FILE), 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const { address, token } = JSON.parse(content) as { address: string; token: string };
  const limit = AbortSignal.timeout(5000);
  const answer = await fetch(address + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    signal: limit,
  }).catch(() => undefined);
  // A platform that was killed left the file behind.
  if (!answer?.ok) return undefined;
  return answer.headers.get('content-type') === JSON_CONTENT['content-type'] ? answer.json() : true;
}

/** An address of the database of the platform that runs here; undefined when none runs. */
export async function databaseHere(role: 'reader' | 'owner'): Promise<string | undefined> {
  const dataDirectory = process.env['DATA_DIRECTORY'] ?? join(ROOT, '.data');
  return (await askPlatform(dataDirectory, 'GET', `/databases/${role}`)) as string | undefined;
}
