// `make up`, `make ps` and `make down` as a person uses them: processes, signals, a data directory that outlives them.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../../knative/local/parts/free-port.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';
import { until } from './scaled-function.ts';

const ROOT = join(import.meta.dirname, '../../..');
const START_LIMIT_MS = 60_000;
const run = promisify(execFile);

let temporary: TemporaryDirectory;
let environment: Record<string, string>;
let port: number;
let started: Up[] = [];

interface Up {
  child: ChildProcess;
  said(): string;
  ended: Promise<number | null>;
}

beforeAll(async () => {
  temporary = await temporaryDirectory();
  // A machine with a Redis and without Java: Kafka would take longer to start than everything else.
  const path = join(temporary.path, 'bin');
  await mkdir(path);
  for (const program of ['redis-server', 'sleep']) {
    const { stdout } = await run('/bin/sh', ['-c', `command -v ${program} || true`]);
    if (stdout.trim()) await symlink(stdout.trim(), join(path, program));
  }
  port = await freePort();
  environment = { PATH: path, DATA_DIRECTORY: join(temporary.path, 'data'), PORT: String(port) };
});

afterEach(async () => {
  for (const { child, ended } of started) {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  }
  started = [];
});
afterAll(() => temporary.remove());

function start(script: string, more: Record<string, string> = {}, ...given: string[]): Up {
  const command = [join(ROOT, 'knative/local', script), ...given];
  const child = spawn(process.execPath, command, { env: { ...environment, ...more } });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const up = {
    child,
    said: () => output,
    ended: new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code))),
  };
  started.push(up);
  return up;
}

async function up(): Promise<Up> {
  const platform = start('up.ts');
  const state = { over: false };
  void platform.ended.then(() => {
    state.over = true;
  });
  await until(
    'the platform is up or has given up',
    () => state.over || platform.said().includes('What happens:'),
    START_LIMIT_MS,
  );
  if (state.over) throw new Error(platform.said());
  return platform;
}

async function finish({ ended, said }: Up): Promise<{ code: number | null; said: string }> {
  return { code: await ended, said: said() };
}

/** All processes that a process has started, and those that they have started. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid=']);
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent).flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`http://localhost:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const ayu = { username: 'ayu', email: 'ayu@example.test', phone: '+6281234567890', password: 'correct horse battery' };
const credentials = { identifier: 'ayu', password: ayu.password };

describe('make up', () => {
  test(
    'prints its addresses and which parts are real, takes a first request, and leaves nothing behind when it is killed',
    async () => {
      const platform = await up();
      const said = platform.said();
      expect(said).toContain(`gateway             http://localhost:${port}\n`);
      expect(said).toContain('PostgreSQL 18');
      expect(said).toMatch(/no Kafka, because .*: events go over HTTP/);
      expect(said).toContain('prometheus: metrics of the gateway');
      expect(said).toContain(`curl -i http://localhost:${port}/v1/register`);

      expect((await post('/v1/register', ayu)).status).toBe(201);
      const table = await finish(start('ps.ts'));
      expect(table.said).toMatch(/\nregister +1 +0-2 +0 +0 +1 +0 +\d+/);
      expect(table.said).toMatch(/\npay +0 /);

      const second = await finish(start('up.ts'));
      expect(second.code).toBe(1);
      expect(second.said).toContain(`One Gate is up already at http://localhost:${port}`);

      const children = await descendants(platform.child.pid ?? 0);
      expect(children.length).toBeGreaterThan(4);
      platform.child.kill('SIGKILL');
      await until('every process is gone', () => !children.some(isAlive), 30_000);
    },
    START_LIMIT_MS * 2,
  );

  test(
    'finds its data again after a restart, makes a user an operator, and stops in order on Ctrl-C',
    async () => {
      const platform = await up();
      const loggedIn = await post('/v1/login', credentials);
      expect(loggedIn.status).toBe(200);

      const { data } = (await loggedIn.json()) as { data: { access_token: string } };
      const freeze = () =>
        post(
          '/v1/operator/freeze',
          { scope: 'all', reason: 'a drill' },
          { authorization: `Bearer ${data.access_token}` },
        );
      expect((await freeze()).status).toBe(403);
      const operator = (name: string) => finish(start('operator.ts', {}, name));
      expect(await operator('nobody')).toEqual({ code: 1, said: expect.stringContaining('There is no user nobody') });
      expect(await operator('')).toEqual({ code: 64, said: 'Say who: make operator USERNAME=nadia\n' });
      expect(await operator('Ayu')).toEqual({ code: 0, said: expect.stringContaining('ayu is an operator now') });
      expect(await operator('ayu')).toEqual({ code: 0, said: 'ayu is an operator already.\n' });
      expect((await freeze()).status).toBe(201);

      const children = await descendants(platform.child.pid ?? 0);
      platform.child.kill('SIGINT');
      expect(await platform.ended).toBe(0);
      await until('every process is gone', () => !children.some(isAlive));
      await expect(access(join(environment['DATA_DIRECTORY'] ?? '', 'platform.json'))).rejects.toThrow();
    },
    START_LIMIT_MS * 2,
  );

  test(
    'make down stops it from another terminal',
    async () => {
      const platform = await up();
      expect(await finish(start('down.ts'))).toEqual({ code: 0, said: 'Stopped.\n' });
      expect(await platform.ended).toBe(0);
      expect(await finish(start('down.ts'))).toEqual({ code: 0, said: 'No platform is running here.\n' });
      expect((await finish(start('ps.ts'))).code).toBe(1);
      expect((await finish(start('operator.ts', {}, 'ayu'))).said).toContain('No platform is running here');
    },
    START_LIMIT_MS * 2,
  );

  test('names the port that is taken, before it starts anything', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const { code, said } = await finish(start('up.ts'));
    other.close();
    expect(code).toBe(1);
    expect(said).toContain(
      `Port ${port} is taken by another program: stop that, or choose another with PORT=<number>.`,
    );
  });

  test('an invalid port is refused', async () => {
    expect(await finish(start('up.ts', { PORT: 'eighty' }))).toEqual({
      code: 64,
      said: 'PORT must be a number from 1 to 65535.\n',
    });
  });
});
