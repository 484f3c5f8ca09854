// Hands the events of top-ups to settle-topup: once, twice, or late and the newest first. The KafkaSource of the
// manifests sends them to it; without Kafka the functions post to it directly.

import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { newTrap, type Trap } from './proxy.ts';

export interface SeenEvent {
  type: string;
  subject: string;
}

export interface Courier {
  url: string;
  /** The address for a KafkaSource. */
  ingress: Pool;
  /** The next event is delivered twice, at once. */
  twice: Trap;
  /** Keeps events from now on, and acknowledges them: their sender believes that they were delivered. */
  holdBack(): void;
  /** Delivers the kept events, the newest first; returns how many there were. */
  letGo(): Promise<number>;
  /** All events that it got. */
  seen: SeenEvent[];
  close(): Promise<void>;
}

interface Event {
  headers: Record<string, string>;
  body: Buffer;
}

/** `next` gives the address of an instance. */
export async function openCourier(next: () => string): Promise<Courier> {
  const twice = newTrap();
  const seen: SeenEvent[] = [];
  let kept: Event[] | undefined;

  async function pass({ headers, body }: Event): Promise<number> {
    const answer = await fetch(`${next()}/events`, { method: 'POST', headers, body: new Uint8Array(body) }).catch(
      () => undefined,
    );
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.status ?? 502;
  }
  async function take(event: Event): Promise<number> {
    const about = readEvent(event);
    seen.push(about);
    // A source delivers its topic and no other.
    if (!about.type.startsWith('one-gate.topup.')) return 202;
    if (kept) {
      kept.push(event);
      return 202;
    }
    if (!twice.catches()) return pass(event);
    const statuses = await Promise.all([pass(event), pass(event)]);
    return Math.max(...statuses);
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const status = await take({ headers: endToEnd(request.headers), body: Buffer.concat(chunks) });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ingress = new Pool(url, { connections: 50 });
  return {
    url,
    ingress,
    twice,
    seen,
    holdBack: () => {
      kept ??= [];
    },
    letGo: async () => {
      const late = (kept ?? []).reverse();
      kept = undefined;
      for (const event of late) {
        // It was acknowledged long ago: nothing else will send it again.
        for (let attempt = 1; attempt <= 100 && (await pass(event)) >= 300; attempt++) await delay(100);
      }
      return late.length;
    },
    close: async () => {
      await ingress.close().catch(() => undefined);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readEvent({ headers, body }: Event): SeenEvent {
  if (headers['ce-type']) return { type: headers['ce-type'], subject: headers['ce-subject'] ?? '' };
  const { type, subject } = JSON.parse(body.toString()) as SeenEvent;
  return { type, subject };
}

function endToEnd(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name === 'content-type' || name.startsWith('ce-'));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}
