// Keeps the gateway's API keys as the database has them. On a cluster an operator renders them into the gateway's
// Secret (kong/README.md); locally it happens by itself.

import pg from 'pg';
import type { Gateway } from '../../kong/local/gateway.ts';

const EVERY_MS = 1_000;

export interface Following {
  stop(): Promise<void>;
}

/** Gives the active keys to the gateway, now and after each change. `databaseUrl`: of the role that only reads. */
export async function followApiKeys(
  databaseUrl: string,
  gateway: Gateway,
  log: (sentence: string) => void,
): Promise<Following> {
  let handedOver = '';
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const client = new pg.Client({ connectionString: databaseUrl });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ consumer: string; digest: string }>(`
        select service.consumer, key.gateway_digest as digest
          from api_keys key join external_services service on service.id = key.external_service_id
         where key.is_active and service.is_active and coalesce(key.expires_at > now(), true) order by key.id`);
      const seen = JSON.stringify(rows);
      if (seen === handedOver) return;
      handedOver = seen;
      gateway.replaceApiKeys(rows);
    } catch (error) {
      log(`The gateway keeps the API keys it has: ${(error as Error).message}`);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  function goOn(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      turn = look().then(goOn);
    }, EVERY_MS);
  }

  await look();
  goOn();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
