import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf } from './process-identity.ts';

/**
 * Runs a server for as long as its owner lives, however the owner ends: the owner holds the other end of standard
 * input, and the kernel closes it even after SIGKILL. Then the server gets its own signal for a clean stop, and
 * SIGKILL if that takes too long. A shell, because it needs a megabyte where a Node process needs fifty, and as text,
 * because a server that runs as another user may not be able to read this directory.
 *
 * Arguments: signal, seconds, command and its arguments. File descriptor 3 receives the server's process id.
 */
const guard = `
signal=$1 seconds=$2
shift 2
exec 4<&0 </dev/null
"$@" 3>&- 4<&- &
server=$!
echo "$server" >&3
exec 3>&-
trap '' INT HUP
trap 'kill -s "$signal" "$server"' TERM
(
  while read -r _ <&4; do :; done
  kill -s "$signal" "$server"
  left=$((seconds * 10))
  while [ "$left" -gt 0 ] && kill -0 "$server"; do sleep 0.1; left=$((left - 1)); done
  kill -s KILL "$server"
) 2>/dev/null &
watcher=$!
exec 4<&-
status=0
while :; do
  wait "$server"
  status=$?
  kill -0 "$server" 2>/dev/null || break
done
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
`;

export type GuardedProcess = {
  readonly name: string;
  /** The server's own process id (not its guard's). */
  readonly pid: number;
  /** Resolves when the server has ended, with a description of how: "exit code 1". Never rejects. */
  readonly ended: Promise<string>;
  readonly logFile: string;
  /** Where the log of this start begins in the file, in bytes. */
  readonly logStart: number;
  /** Asks for a clean stop, waits for it; SIGKILL after the limit. May be called twice. */
  stop(): Promise<void>;
};

export type GuardedCommand = {
  /** Its name in messages: "PostgreSQL". */
  name: string;
  command: string;
  args: readonly string[];
  directory: string;
  /** The whole environment: servers do not inherit ours, which may hold secrets. */
  environment?: Readonly<Record<string, string>>;
  /** The log file; renamed to `.1` at start when above 10 MB. */
  logFile: string;
  /** Records the process, so that a later start can stop a server whose owner was killed. */
  recordFile: string;
  stopSignal: 'INT' | 'TERM';
  stopSeconds: number;
  user?: { uid: number; gid: number } | undefined;
};

/** Starts a server that ends with this process. Throws one sentence when it cannot be run at all. */
export async function startGuarded(options: GuardedCommand): Promise<GuardedProcess> {
  await mkdir(dirname(options.logFile), { recursive: true });
  const { log, size: logStart } = await openLog(options.logFile);
  const child = spawn(
    '/bin/sh',
    ['-c', guard, 'guard', options.stopSignal, String(options.stopSeconds), options.command, ...options.args],
    {
      cwd: options.directory,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...options.environment },
      stdio: ['pipe', log.fd, log.fd, 'pipe'],
      // Out of the terminal's process group: Ctrl-C reaches only the owner, which stops the servers in order.
      detached: true,
      ...options.user,
    },
  );
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`it could not be started (${error.message})`));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  child.stdin?.on('error', () => undefined);
  const said = await text(child.stdio[3] as NodeJS.ReadableStream).catch(() => '');
  await log.close();
  const pid = Number(said.trim());
  if (!Number.isInteger(pid) || pid <= 0) throw new Error(`${options.name} did not start: ${await ended}.`);
  await record(options.recordFile, pid).catch((error) => {
    child.stdin?.end();
    throw error;
  });

  // If this process ends without stopping the server, the guard stops it.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return {
    name: options.name,
    pid,
    ended,
    logFile: options.logFile,
    logStart,
    stop: async () => {
      child.ref();
      child.stdin?.end();
      await ended;
      await rm(options.recordFile, { force: true });
    },
  };
}

/**
 * Waits until `probe` returns a value and returns it. `probe` returns undefined, or throws, for "not yet".
 * When the server ends first, or the limit passes, it throws a sentence with the last thing the server said.
 */
export async function waitUntilReady<T>(
  server: GuardedProcess,
  probe: () => Promise<T | undefined>,
  limitSeconds: number,
): Promise<T> {
  const deadline = Date.now() + limitSeconds * 1000;
  let end: string | undefined;
  void server.ended.then((how) => {
    end = how;
  });
  let lastError: unknown;
  for (let pause = 10; Date.now() < deadline; pause = Math.min(pause * 1.5, 200)) {
    if (end !== undefined) throw new Error(await complaint(server, `ended at start with ${end}`));
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      lastError = error;
    }
    await delay(pause);
  }
  await server.stop();
  throw new Error(await complaint(server, `was not ready after ${limitSeconds} s`), { cause: lastError });
}

/** Records a running server for the next start. */
export async function record(recordFile: string, pid: number): Promise<void> {
  await writeFile(recordFile, JSON.stringify({ pid, identity: await identityOf(pid) }));
}

/** Stops the server of an owner that was killed, if it still runs. */
export async function stopLeftOver(recordFile: string, signal: NodeJS.Signals, limitSeconds: number): Promise<void> {
  const { pid, identity } = await readRecord(recordFile);
  const alive = async () => pid !== undefined && identity !== undefined && (await identityOf(pid)) === identity;
  const send = (name: NodeJS.Signals) => {
    try {
      process.kill(pid ?? 0, name);
    } catch {
      // It has ended by itself meanwhile.
    }
  };
  if (await alive()) {
    send(signal);
    for (const deadline = Date.now() + limitSeconds * 1000; Date.now() < deadline && (await alive()); ) await delay(50);
    if (await alive()) send('SIGKILL');
    while (await alive()) await delay(20);
  }
  await rm(recordFile, { force: true });
}

async function readRecord(recordFile: string): Promise<{ pid?: number; identity?: string }> {
  try {
    return JSON.parse(await readFile(recordFile, 'utf8')) as { pid: number; identity: string };
  } catch {
    // There is no record, or its writing was cut off.
    return {};
  }
}

async function openLog(path: string) {
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  const full = size > 10 * 1024 * 1024;
  if (full) await rename(path, `${path}.1`);
  return { log: await open(path, 'a', 0o600), size: full ? 0 : size };
}

async function complaint(server: GuardedProcess, what: string): Promise<string> {
  const log = await readFile(server.logFile).catch(() => Buffer.alloc(0));
  const lines = log.subarray(server.logStart).toString().trimEnd().split('\n');
  const telling = lines.findLast((line) => /FATAL|ERROR|Exception|error while loading|not found|refused/i.test(line));
  const said = (telling ?? lines.at(-1) ?? '').trim().slice(0, 300);
  return `${server.name} ${what}${said ? `: ${said}` : ''} (log: ${server.logFile}).`;
}
