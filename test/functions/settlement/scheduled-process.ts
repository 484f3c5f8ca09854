// A scheduled function in a process of its own, under the database role that it declares.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../../knative/functions.ts';
import type { ServedRole } from '../../../migrations/run.ts';
import { SCHEDULE_TYPE } from '../../../shared/platform/events/schedule.ts';
import { startBeside } from '../../setup/function-process.ts';

export interface ScheduledProcess {
  /** One tick, as its PingSource sends it; returns the answer's status. */
  tick(): Promise<number>;
  stop(): Promise<void>;
}

export async function startScheduled(
  name: string,
  database: { urls: Record<ServedRole, string> },
  more: Record<string, string> = {},
): Promise<ScheduledProcess> {
  const served = await startBeside(name, { DATABASE_URL: database.urls[await roleOf(name)], ...more });
  return {
    tick: async () => {
      const response = await fetch(`${served.url}/events`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'ce-specversion': '1.0',
          'ce-id': randomUUID(),
          'ce-source': '/test',
          'ce-type': SCHEDULE_TYPE,
        },
        body: '{}',
      });
      return response.status;
    },
    stop: async () => {
      served.kill('SIGTERM');
      await served.ended;
    },
  };
}

async function roleOf(name: string): Promise<ServedRole> {
  const { default: declaration } = await import(pathToFileURL(join(ROOT, `functions/settlement/${name}.ts`)).href);
  return declaration.uses.database;
}
