// A function as it runs in production: its bundle in a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathOf, ROOT } from '../../knative/functions.ts';
import { freePort } from '../../knative/local/parts/free-port.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';

/**
 * Secrets of processes that are started by hand: without a proof they listen on loopback alone, and answer every caller
 * there.
 */
export const WITHOUT_PROOFS = { 'one-gate-proofs': { gateway: '', source: '' } };

export interface FunctionProcess {
  url: string;
  pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

const BUILD = join(ROOT, '.build');

/** Starts the bundle of that function alone with this environment and no other, and waits until it is ready. */
export async function startFunction(
  name: string,
  environment: Record<string, string>,
  folder = BUILD,
): Promise<FunctionProcess> {
  const bundle = join(folder, bundleName([await pathOf(name)]));
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: run make build first (make test does).`);
  const port = await freePort();
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', bundle], {
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'warn', ...environment, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'gone')),
  );
  const url = `http://127.0.0.1:${port}`;
  await ready(url, child);
  return { url, pid: child.pid ?? 0, ended, kill: (signal) => child.kill(signal) };
}

/** The settings that a suite gives to functions; they get nothing else of a machine's environment. */
const SETTINGS = /^(DATABASE_URL|K_SINK|UPSTASH_.*|PUBLIC_URL|TOKEN_(ISSUER|AUDIENCE|PUBLIC_KEYS)|GOPAY_.*)$/;

/** Starts a function with this process's settings: one platform, several processes. Logs nothing. */
export function startBeside(name: string, more: Record<string, string> = {}): Promise<FunctionProcess> {
  const settings = Object.entries(process.env).filter((entry): entry is [string, string] => SETTINGS.test(entry[0]));
  return startFunction(name, { ...Object.fromEntries(settings), LOG_LEVEL: 'silent', ...more });
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${url}/health/readiness`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`the function ended with ${child.exitCode ?? child.signalCode} before it was ready`);
}
