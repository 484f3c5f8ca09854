// `make mutations` applies these to copies of the tree and expects them to be caught; here only: that each can still be applied.

import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mutated, mutations } from './mutations.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
  '"%s" still has its text in the code, once, and leaves something that can be run',
  async (_name, mutation) => {
    const source = await readFile(join(ROOT, mutation.file), 'utf8');
    const changed = mutated(source, mutation);
    expect(changed).not.toBe(source);
    expect(() => stripTypeScriptTypes(changed)).not.toThrow();
  },
);

test('a mutation whose text has gone is named', () => {
  expect(() => mutated('something else', mutations[0] as (typeof mutations)[0])).toThrow('no longer');
});
