import { createServer } from 'node:net';

/**
 * A free port on the loopback address: the wanted one when it is free, else any.
 * Somebody may take it before a server does: `onFreePorts` then tries others.
 */
export async function freePort(wanted?: number): Promise<number> {
  if (wanted !== undefined && (await bindable(wanted)) !== undefined) return wanted;
  const port = await bindable(0);
  if (port === undefined) throw new Error('No free port is left on 127.0.0.1.');
  return port;
}

/**
 * Calls `start` with free ports, the wanted ones where they are free. When it fails and one of its ports has been taken
 * by somebody else meanwhile, calls it again with others.
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
      const free = await Promise.all(ports.map(bindable));
      if (attempt === 3 || free.every((port) => port !== undefined)) throw error;
    }
  }
}

function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
