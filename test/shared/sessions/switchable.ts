import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Switchable {
  /** The address with the host and port of this line instead of its own. */
  through(url: string): string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A line to a server that can be cut and mended: the server itself goes on serving other test files. */
export async function switchable(): Promise<Switchable> {
  let target = { host: '', port: 0 };
  let isCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(target);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    through: (url) => {
      const changed = new URL(url);
      target = { host: changed.hostname, port: Number(changed.port) };
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.toString().replace(/\/$/, '');
    },
    cut,
    mend: () => {
      isCut = false;
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Waits until the condition holds, for five seconds at most. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not come true within five seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
