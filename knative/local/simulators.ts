// The providers' simulators as parts of the local platform: a process for each, test/sandbox/<name>/server.ts. Both
// sides get the credentials by which they know each other.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { type DeclaredProvider, providers } from '../../shared/providers/providers.ts';
import { ROOT } from '../functions.ts';
import { secretOf } from '../provider-settings.ts';
import { freePort } from './parts/free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './parts/guarded-process.ts';

export interface Simulator {
  provider: DeclaredProvider;
  url: string;
  /** The settings that the provider declares. */
  settings: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface SimulatorOptions {
  dataDirectory: string;
  publicUrl: string;
  /** The wanted port of the first simulator; the next simulators want the next ports. */
  simulatorPort?: number;
}

export async function startSimulators({ simulatorPort, ...options }: SimulatorOptions): Promise<Simulator[]> {
  const started: Simulator[] = [];
  try {
    for (const [index, provider] of providers.entries()) {
      started.push(
        await startSimulator(provider, options, simulatorPort === undefined ? undefined : simulatorPort + index),
      );
    }
    return started;
  } catch (error) {
    for (const each of started) await each.stop();
    throw error;
  }
}

/** The settings of providers where functions expect them: in one Secret per provider. */
export function providerSecrets(simulators: readonly Pick<Simulator, 'provider' | 'settings'>[]) {
  return Object.fromEntries(
    simulators.map(({ provider, settings }) => {
      const { name, places } = secretOf(provider);
      return [
        name,
        Object.fromEntries(places.map(({ setting, key }) => [key, handedOut(settings, setting, provider)])),
      ];
    }),
  );
}

function handedOut(settings: Simulator['settings'], name: string, { title }: DeclaredProvider): string {
  const value = settings[name];
  if (typeof value !== 'string') throw new Error(`The simulator of ${title} hands out no ${name}.`);
  return value;
}

async function startSimulator(
  provider: DeclaredProvider,
  { dataDirectory, publicUrl }: Omit<SimulatorOptions, 'simulatorPort'>,
  wantedPort: number | undefined,
): Promise<Simulator> {
  const { name, title } = provider;
  const recordFile = join(dataDirectory, `${name}.process`);
  await stopLeftOver(recordFile, 'SIGTERM', 5);
  const port = await freePort(wantedPort);
  const url = `http://localhost:${port}`;
  const credentialsFile = join(dataDirectory, `${name}.credentials.json`);
  const server = await startGuarded({
    name: `The ${title} simulator`,
    command: process.execPath,
    args: [`test/sandbox/${name}/server.ts`],
    directory: ROOT,
    environment: {
      PORT: String(port),
      PUBLIC_URL: url,
      // The provider adds the rest of the path by its own protocol.
      NOTIFICATION_URL: `${publicUrl}/v1/notifications/${name}`,
      CREDENTIALS_FILE: credentialsFile,
      STATE_FILE: join(dataDirectory, `${name}.json`),
    },
    logFile: join(dataDirectory, 'logs', `${name}.log`),
    recordFile,
    stopSignal: 'TERM',
    stopSeconds: 5,
  });
  await waitUntilReady(server, async () => ((await fetch(url)).status < 500 ? true : undefined), 20);
  const { settings } = JSON.parse(await readFile(credentialsFile, 'utf8'));
  return { provider, url, settings, stop: server.stop };
}
