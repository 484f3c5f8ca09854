// A wire: a TCP proxy between two parts that can be cut, held up, or made to lose chosen bytes.

import net from 'node:net';

export interface Wire {
  readonly port: number;
  /** Where it leads; changed when the part comes back at another address. */
  target: number;
  /** Cuts every connection; lets new ones through. Returns how many there were. */
  cut(): number;
  /** Cuts every connection and lets no new one through until `restore`. */
  goDown(): void;
  restore(): void;
  /** Bytes wait, in both directions, until `release`. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

/** Reads the bytes that pass; when it returns true the connection is cut, and these bytes never arrive. */
export interface Watch {
  request?(bytes: Buffer): boolean;
  answer?(bytes: Buffer): boolean;
}

interface Pair {
  client: net.Socket;
  server: net.Socket;
}

export async function openWire(target: number, watch: Watch = {}): Promise<Wire> {
  const pairs = new Set<Pair>();
  let down = false;
  let held = false;

  const end = (pair: Pair) => {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  };
  const listener = net.createServer({ noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (down) return void client.destroy();
    const server = net.connect({ port: wire.target, host: '127.0.0.1', noDelay: true });
    const pair = { client, server };
    pairs.add(pair);
    server.on('error', () => undefined);
    client.on('close', () => end(pair));
    server.on('close', () => end(pair));
    client.on('data', (bytes) => (watch.request?.(bytes) ? end(pair) : void server.write(bytes)));
    server.on('data', (bytes) => (watch.answer?.(bytes) ? end(pair) : void client.write(bytes)));
    if (held) for (const socket of [client, server]) socket.pause();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    const count = pairs.size;
    for (const pair of [...pairs]) end(pair);
    return count;
  };
  const wire: Wire = {
    port: (listener.address() as net.AddressInfo).port,
    target,
    cut,
    goDown: () => {
      down = true;
      cut();
    },
    restore: () => {
      down = false;
    },
    hold: () => {
      held = true;
      for (const { client, server } of pairs) for (const socket of [client, server]) socket.pause();
    },
    release: () => {
      held = false;
      for (const { client, server } of pairs) for (const socket of [client, server]) socket.resume();
    },
    close: async () => {
      down = true;
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return wire;
}

/** Catches the next suitable bytes, once for each time it was set. */
export interface Trap {
  /** Resolves when it has caught something; false when it was removed before. */
  set(): Promise<boolean>;
  /** True once after each `set`: the trap has then caught. */
  catches(): boolean;
  /** Removes a trap that is still set. */
  disarm(): void;
}

export function newTrap(): Trap {
  const waiting: ((caught: boolean) => void)[] = [];
  return {
    set: () => new Promise((resolve) => waiting.push(resolve)),
    catches: () => {
      const resolve = waiting.shift();
      resolve?.(true);
      return resolve !== undefined;
    },
    disarm: () => {
      for (const resolve of waiting.splice(0)) resolve(false);
    },
  };
}
