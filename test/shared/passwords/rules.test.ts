import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { functionPaths } from '../../../knative/functions.ts';
import { bundle } from '../../../knative/local/build.ts';
import { commonPasswords } from '../../../shared/passwords/commonest.ts';
import { SHORTEST_PASSWORD } from '../../../shared/passwords/length.ts';
import { weaknessOf } from '../../../shared/passwords/rules.ts';
import { temporaryDirectory } from '../../setup/temporary-directory.ts';

const NAMES = ['siti.rahayu', 'siti.rahayu@example.com', '+6281234567890'];

test.each([
  'password123',
  'Password123',
  'BISMILLAH123',
  'indonesia1945',
  '1q2w3e4r5t',
  'aaaaaaaaaa',
  'ababababab',
  '1231231231',
  '0123456789',
  '9876543210',
  'qwertyuiop',
  'poiuytrewq',
  'siti.rahayu',
  'SITI.RAHAYU@EXAMPLE.COM',
  '+6281234567890',
  ' password123 ',
  'Manchester',
  'terminator',
  '123qweasdzxc',
  'sayangku1234',
])('%p is refused', async (password) => {
  expect(await weaknessOf(password, NAMES)).toBeDefined();
});

test.each([
  'kuda putih di tepi danau',
  'correct horse battery staple',
  'only lower case',
  '7291640385',
  'siti.rahayu menabung',
  'パスワードではないよほんと',
  'aaaaaaaaaa but not only',
])('%p is good enough', async (password) => {
  expect(await weaknessOf(password, NAMES)).toBeUndefined();
});

test('the list holds real common passwords that are long enough', async () => {
  const common = [...(await commonPasswords())];
  expect(common.length).toBeGreaterThan(1_500);
  expect(
    common.filter((password) => password.length < SHORTEST_PASSWORD || password !== password.toLowerCase()),
  ).toEqual([]);
});

test('a bundle holds only these, in a file that is read with the first password', async () => {
  const { path, remove } = await temporaryDirectory();
  await bundle(['identity/register'], await functionPaths(), path);
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async ({ parentPath, name }) => [name, await readFile(join(parentPath, name), 'utf8')] as const),
  );
  const holding = texts.filter(([, text]) => text.includes('4815162342'));
  expect(holding.map(([name, text]) => [name === 'identity.register.mjs', text.length < 40_000])).toEqual([
    [false, true],
  ]);
  await remove();
});
