import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ScaledFunction, scaledFunction, until } from './scaled-function.ts';

let running: ScaledFunction[] = [];

async function start(...given: Parameters<typeof scaledFunction>): Promise<ScaledFunction> {
  const started = await scaledFunction(...given);
  running.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  running = [];
});

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const times = <Value>(count: number, make: () => Value): Value[] => Array.from({ length: count }, make);

describe('from zero and back', () => {
  test('a function runs nowhere until its first request, which waits for it and is answered', async () => {
    const held = await start();
    expect(held.status()).toMatchObject({ instances: [], starting: 0, coldStarts: 0 });
    expect(await held.ask('/now')).toMatchObject({ status: 200 });
    expect(held.status()).toMatchObject({ coldStarts: 1, crashes: 0, inFlight: 0, queued: 0 });
    expect(held.status().instances).toHaveLength(1);
  });

  test('fifty requests that meet a cold function at once are all answered, by as many instances as the target asks for', async () => {
    const held = await start({ containerConcurrency: 10 });
    const answers = await Promise.all(times(50, () => held.ask('/now')));
    expect(answers.map(({ status }) => status)).toEqual(times(50, () => 200));
    expect(held.status().coldStarts).toBe(1);
  });

  test('an idle function is stopped, and starts again with its next request', async () => {
    const held = await start({}, { windowMs: 1000, panicWindowMs: 1000 });
    const first = (await held.ask('/now')).text;
    await until('the function is at zero', () => held.status().instances.length === 0);
    expect(isAlive(Number(first))).toBe(false);
    const second = (await held.ask('/now')).text;
    expect(second).not.toBe(first);
    expect(held.status().coldStarts).toBe(2);
  });

  test('the last instance stays for its retention period', async () => {
    const window = { windowMs: 1000, panicWindowMs: 1000 };
    const [kept, held] = await Promise.all([start({}, { ...window, retentionMs: 60_000 }), start({}, window)]);
    await kept.ask('/now');
    await held.ask('/now');
    await until('the one without a retention period is at zero', () => held.status().instances.length === 0);
    expect(kept.status().instances).toHaveLength(1);
  });

  test('min-scale instances run without a request', async () => {
    const held = await start({}, { min: 2 });
    await until('two instances run', () => held.status().instances.length === 2);
    expect(held.status().coldStarts).toBe(0);
  });
});

describe('concurrency', () => {
  test('an instance never has more than containerConcurrency in hand; the rest waits its turn', async () => {
    const held = await start({ containerConcurrency: 4 }, { max: 1 });
    const answers = Promise.all(times(11, () => held.ask('/hold')));
    await until('one instance is full', () => held.status().inFlight === 4);
    const [instance] = held.status().instances;
    const port = instance?.port ?? 0;
    await until('the function holds four', async () => (await held.told(port)).held === 4);
    expect(held.status().queued).toBe(7);
    for (let left = 11; left > 0; left -= 4) {
      await until('the next are in hand', async () => (await held.told(port)).held === Math.min(4, left));
      await held.tell(port, '/release');
    }
    expect((await answers).map(({ status }) => status)).toEqual(times(11, () => 200));
    expect((await held.told(port)).most).toBe(4);
  });

  test('a request for which neither an instance nor the queue has room is refused with 503, at once', async () => {
    const held = await start({ containerConcurrency: 1 }, { max: 1 });
    await held.ask('/now');
    const answers = times(11, () => held.ask('/hold'));
    await until('all wait', () => held.status().inFlight === 1 && held.status().queued === 10);
    expect(await held.ask('/now')).toEqual({ status: 503, text: 'held: pending request queue full' });
    await until('all are answered', async () => {
      await held.releaseAll();
      return held.status().inFlight + held.status().queued === 0;
    });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(times(11, () => 200));
  });

  test('more requests in hand than the target make more instances, up to max-scale', async () => {
    const held = await start({ containerConcurrency: 10 }, { max: 3, target: 2 });
    const answers = Promise.all(times(12, () => held.ask('/hold')));
    await until('three instances run', () => held.status().instances.length === 3);
    expect(held.status().wanted).toBe(3);
    await held.releaseAll();
    await answers;
  });

  test('surplus instances finish what they have in hand before they go', async () => {
    const held = await start({ containerConcurrency: 1 }, { max: 2, target: 1, windowMs: 1000, panicWindowMs: 1000 });
    const answers = times(2, () => held.ask('/hold'));
    await until(
      'two instances have one each',
      () => held.status().instances.every(({ inFlight }) => inFlight === 1) && held.status().inFlight === 2,
    );
    const [one, other] = held.status().instances;
    await held.tell(one?.port ?? 0, '/release');
    await until('the idle one is gone', () => held.status().instances.length === 1);
    expect(held.status().instances[0]?.pid).toBe(other?.pid);
    await held.tell(other?.port ?? 0, '/release');
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('a caller who goes away leaves the queue', async () => {
    const held = await start({ containerConcurrency: 1 }, { max: 1 });
    const first = held.ask('/hold');
    await until('it is in hand', () => held.status().inFlight === 1);
    const gone = new AbortController();
    const second = held.ask('/hold', { signal: gone.signal });
    await until('the second waits', () => held.status().queued === 1);
    gone.abort();
    await expect(second).rejects.toThrow();
    await until('no request waits', () => held.status().queued === 0);
    await held.releaseAll();
    expect((await first).status).toBe(200);
  });
});

describe('when things go wrong', () => {
  test('a crashed instance is replaced, and its requests in hand are answered with 502', async () => {
    const held = await start();
    const answer = held.ask('/hold');
    await until('it is in hand', () => held.status().inFlight === 1);
    const pid = held.status().instances[0]?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    expect(await answer).toEqual({ status: 502, text: 'the instance ended before it answered' });
    expect((await held.ask('/now')).status).toBe(200);
    await until('the crash is counted', () => held.status().crashes === 1);
    expect(held.said.join('\n')).toContain(`instance ${pid} crashed`);
  });

  test('a function that cannot start answers 503 with the end of its log, and is not started over and over', async () => {
    const held = await start({ environment: [{ name: 'BROKEN', value: 'yes' }] });
    const answer = await held.ask('/now');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('Error: DATABASE_URL is not set: it must hold an address');
    const { crashes } = held.status();
    expect((await held.ask('/now')).status).toBe(503);
    expect(held.status().crashes).toBe(crashes);
  });

  test('an answer that does not come within timeoutSeconds is a 504', async () => {
    const held = await start({ timeoutSeconds: 1 });
    expect(await held.ask('/hold')).toMatchObject({ status: 504 });
    await until('the function has been let go', () => held.status().inFlight === 0);
  });

  test('requests in hand are answered when the platform stops, and no process stays', async () => {
    const held = await start();
    const answer = held.ask('/hold');
    await until('it is in hand', () => held.status().inFlight === 1);
    const { pid = 0, port = 0 } = held.status().instances[0] ?? {};
    const stopping = held.knative.stop();
    await held.tell(port, '/release');
    expect((await answer).status).toBe(200);
    await stopping;
    expect(isAlive(pid)).toBe(false);
  });

  test('other names are not found', async () => {
    const held = await start();
    expect(await held.ask('/', { headers: { host: 'other.one-gate.svc.cluster.local' } })).toMatchObject({
      status: 404,
    });
    expect(await held.ask('/', { headers: { host: 'localhost' } })).toMatchObject({ status: 404 });
  });
});

describe('a function gets', () => {
  test('the environment of its manifest and of Knative, and nothing of ours', async () => {
    process.env['ONLY_OURS'] = 'secret';
    const held = await start({
      environment: [
        { name: 'LOG_LEVEL', value: 'warn' },
        { name: 'UPSTASH_REDIS_REST_TOKEN', from: 'secret', object: 'one-gate-redis', key: 'token', optional: false },
        { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', from: 'configMap', object: 'one-gate', key: 'otel', optional: true },
      ],
    });
    await held.ask('/now');
    const port = held.status().instances[0]?.port ?? 0;
    const { environment } = await held.told(port);
    expect(environment).toMatchObject({
      LOG_LEVEL: 'warn',
      UPSTASH_REDIS_REST_TOKEN: 'secret',
      K_SERVICE: 'held',
      PORT: String(port),
      NODE_ENV: 'production',
    });
    expect(Object.keys(environment)).not.toContain('ONLY_OURS');
    expect(Object.keys(environment)).not.toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
    expect(Object.keys(environment)).not.toContain('HOME');
  });

  test('a manifest that names a missing secret is refused at start', async () => {
    const wants = { name: 'A', from: 'secret', object: 'one-gate-redis', key: 'user', optional: false } as const;
    await expect(start({ environment: [wants] })).rejects.toThrow(
      'The Service held wants A from secret one-gate-redis, which has no user.',
    );
  });

  test('bodies pass in both directions, byte by byte', async () => {
    const held = await start();
    const body = Buffer.alloc(300_000, 'Zürich ');
    const answer = await held.ask('/echo', { method: 'POST', body });
    expect(answer.text).toBe(body.toString('utf8'));
  });
});

test('the log of a function is a file of its own', async () => {
  const held = await start({ environment: [{ name: 'BROKEN', value: 'yes' }] });
  const { text } = await held.ask('/now');
  const file = /log: (.*?)\)/.exec(text)?.[1] ?? '';
  expect(await readFile(file, 'utf8')).toContain('DATABASE_URL is not set');
});
