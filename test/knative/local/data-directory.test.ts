import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { claimDataDirectory, type Secrets } from '../../../knative/local/parts/data-directory.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const secretsFile = () => join(directory.path, 'secrets.json');
const kept = async () => JSON.parse(await readFile(secretsFile(), 'utf8')) as Secrets;

async function claimOnce(): Promise<Secrets> {
  const data = await claimDataDirectory(directory.path);
  await data.release();
  return data.secrets;
}

test('passwords are made once and kept, and all differ', async () => {
  const secrets = await claimOnce();
  expect(await claimOnce()).toEqual(secrets);
  expect(await kept()).toEqual(secrets);
  const all = [secrets.postgres, secrets.redis, secrets.redisRestToken, ...Object.values(secrets.roles)];
  expect(new Set(all).size).toBe(all.length);
});

test('a directory that is older than a role gets a password for it, and keeps the others', async () => {
  const {
    roles: { operator: _, ...olderRoles },
    ...rest
  } = await claimOnce();
  await writeFile(secretsFile(), JSON.stringify({ ...rest, roles: olderRoles }));
  const secrets = await claimOnce();
  expect(secrets).toEqual({ ...rest, roles: { ...olderRoles, operator: expect.any(String) } });
  expect(await kept()).toEqual(secrets);
  expect(await claimOnce()).toEqual(secrets);
});
