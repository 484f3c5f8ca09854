import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range that Linux and macOS give to outgoing connections: any connection of this machine could take a port
// of that range between our look and the server's start.
const FIRST = 15_000;
const LAST = 32_000;
const ATTEMPTS = 100;

/**
 * A free port on the loopback address: the wanted one when it is free, else any.
 * Another process may take it before our server does: `onFreePorts` then tries others.
 */
export async function freePort(wanted?: number): Promise<number> {
  if (wanted !== undefined && (await isFree(wanted))) return wanted;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port was found on 127.0.0.1 between ${FIRST} and ${LAST}.`);
}

/**
 * Calls `start` with free ports, the wanted ones where they are free. When it fails and another process has taken one
 * of its ports meanwhile, calls it again with others.
 */
export async function onFreePorts<T>(
  wanted: readonly (number | undefined)[],
  start: (...ports: number[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const ports: number[] = [];
    for (const port of wanted) ports.push(await freePort(attempt === 1 ? port : undefined));
    try {
      return await start(...ports);
    } catch (error) {
      const free = await Promise.all(ports.map(isFree));
      if (attempt === 3 || free.every(Boolean)) throw error;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
