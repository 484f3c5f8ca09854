// The machine and the parts of a run.

import os from 'node:os';
import process from 'node:process';
import pg from 'pg';
import { wrapped } from '../../knative/local/table.ts';
import { commit } from '../setup/commit.ts';
import type { Platform } from './platform.ts';

const SETTINGS = [
  'synchronous_commit',
  'fsync',
  'full_page_writes',
  'wal_compression',
  'shared_buffers',
  'max_wal_size',
];

/** Items of a list. */
export async function circumstancesOf({ parts }: Pick<Platform, 'parts'>): Promise<string[]> {
  const [cpu] = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const { postgres, redis, kafka } = parts;
  const lines = [
    `Commit ${await commit()}, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${os.availableParallelism()} × ${cpu?.model.trim()}, ${memory} GiB, ${os.type()} ${os.release()}, everything on this machine`,
    `Node ${process.versions.node}; ${[postgres, redis, kafka].flatMap((part) => part?.description ?? []).join('; ')}`,
    `PostgreSQL: ${await settingsOf(postgres.adminUrl)}`,
  ];
  return lines.map((line) => wrapped(`- ${line}`));
}

async function settingsOf(adminUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ text: string }>(
      "select string_agg(name || '=' || current_setting(name), ', ' order by place) as text from unnest($1::text[]) with ordinality as setting (name, place)",
      [SETTINGS],
    );
    return rows[0]?.text ?? '';
  } finally {
    await client.end();
  }
}
