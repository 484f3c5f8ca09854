import { startParts } from '../../../knative/local/parts/start-parts.ts';

// A process that starts the parts and does nothing more, to be killed: node run-parts.ts <data directory> <cache directory>

const [dataDirectory = '', cacheDirectory] = process.argv.slice(2);
const parts = await startParts({ dataDirectory, cacheDirectory, environment: { PATH: process.env['PATH'] } });
const started: StartedParts = {
  adminUrl: parts.postgres.adminUrl,
  redis: { url: parts.redis.restUrl, token: parts.redis.restToken, keepsData: parts.redis.real },
  brokers: parts.kafka?.brokers,
  pids: [parts.postgres.pid, parts.redis.pid, parts.kafka?.pid].filter((pid) => pid !== undefined),
};
process.stdout.write(`${JSON.stringify(started)}\n`);
setInterval(() => undefined, 60_000);

export type StartedParts = {
  adminUrl: string;
  redis: { url: string; token: string; keepsData: boolean };
  brokers: readonly string[] | undefined;
  pids: number[];
};
