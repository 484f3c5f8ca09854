// The settings of nginx and Kong in kong/deployment that keep promises of ours: the local gateway plays these.

import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { LARGEST_BODY } from '../../kong/local/nginx.ts';

interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef?: { name: string; key: string } };
}
interface Pod {
  terminationGracePeriodSeconds: number;
  containers: { env: Variable[]; lifecycle: { preStop: { exec: { command: string[] } } } }[];
  volumes: { name: string; emptyDir?: { sizeLimit?: string } }[];
}

let pod: Pod;
let kong: Pod['containers'][number] | undefined;

beforeAll(async () => {
  const text = await readFile(new URL('../../kong/deployment/kong.yaml', import.meta.url), 'utf8');
  const [deployment] = parseAllDocuments(text).map((each) => each.toJS());
  pod = deployment.spec.template.spec;
  [kong] = pod.containers;
});

const told = (name: string) => kong?.env.find((each) => each.name === name);

test('a body is refused by nginx beyond 64 kB, and never written to a disk', () => {
  expect(told('KONG_NGINX_HTTP_CLIENT_MAX_BODY_SIZE')?.value).toBe(`${LARGEST_BODY / 1024}k`);
  expect(told('KONG_NGINX_HTTP_CLIENT_BODY_BUFFER_SIZE')?.value).toBe(`${LARGEST_BODY / 1024}k`);
});

test('temporary files have a limit', () => {
  const written = pod.volumes.filter(({ emptyDir }) => emptyDir !== undefined);
  expect(written.map(({ name, emptyDir }) => [name, emptyDir?.sizeLimit])).toEqual([
    ['run', expect.stringMatching(/^\d+[MG]i$/)],
    ['tmp', expect.stringMatching(/^\d+[MG]i$/)],
  ]);
});

test('nginx sends no request twice, and no header names it', () => {
  expect(told('KONG_NGINX_PROXY_PROXY_NEXT_UPSTREAM')?.value).toBe('off');
  expect(told('KONG_HEADERS')?.value).toBe('X-Kong-Request-Id');
});

test('the variable that kong.yaml takes the password of Redis from is set, from the Secret that Redis itself reads', async () => {
  const template = await readFile(new URL('../../kong/kong.yaml', import.meta.url), 'utf8');
  const references = new Set([...template.matchAll(/\{vault:\/\/env\/([\w-]+)\}/g)].map(([, name]) => name));
  const variables = [...references].map((name) => String(name).toUpperCase().replaceAll('-', '_'));
  expect(variables).toEqual(['REDIS_PASSWORD']);
  expect(told('REDIS_PASSWORD')?.valueFrom).toEqual({ secretKeyRef: { name: 'one-gate-redis', key: 'password' } });
});

test('Kong ends by itself within the grace period, whatever requests its workers still hold', () => {
  const command = kong?.lifecycle.preStop.exec.command.at(-1) ?? '';
  const [, pause, quit] = /^sleep (\d+) && kong quit --timeout (\d+)$/.exec(command) ?? [];
  expect(Number(pause) + Number(quit)).toBeLessThanOrEqual(pod.terminationGracePeriodSeconds - 5);
  const worker = /^(\d+)s$/.exec(told('KONG_NGINX_MAIN_WORKER_SHUTDOWN_TIMEOUT')?.value ?? '')?.[1];
  expect(Number(worker)).toBeLessThanOrEqual(Number(quit));
});
