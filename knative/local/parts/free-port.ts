import { createServer } from 'node:net';

/**
 * A free port on the loopback address: the wanted one when it is free, else any.
 * Somebody may take it before our server does; the server then says so at start.
 */
export async function freePort(wanted?: number): Promise<number> {
  if (wanted !== undefined && (await bindable(wanted)) !== undefined) return wanted;
  const port = await bindable(0);
  if (port === undefined) throw new Error('No free port is left on 127.0.0.1.');
  return port;
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
