// `make mutations` applies these to copies of the tree and expects five seeds to catch each. This test proves that each
// can still be applied, and that the check is green for the present code and red for one of them.

import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { refusalsOf } from '../migrations/expand-only.ts';
import { apply, mutated, mutations } from './mutations.ts';
import { runCheck } from './run-check.ts';
import { copyOfTree } from './tree.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
  '"%s" still has its text in the code, once, and leaves code that runs',
  async (_name, mutation) => {
    const source = await readFile(join(ROOT, mutation.file), 'utf8');
    const changed = mutated(source, mutation);
    expect(changed).not.toBe(source);
    expect(() => (mutation.file.endsWith('.sql') ? refusalsOf(changed) : stripTypeScriptTypes(changed))).not.toThrow();
  },
);

test('a mutation that cannot find its text is named', () => {
  expect(() => mutated('something else', mutations[0] as (typeof mutations)[0])).toThrow('no longer');
});

test.each([
  ['the code as it is', undefined, []],
  ['held money that can be spent', 'holds left out of the balance check', [expect.any(String)]],
  ['a balance without legs', 'a balance that needs no legs', ['a balance changes only with its legs']],
])(
  'the check tells %s correctly',
  async (_what, name, seen) => {
    const tree = await copyOfTree();
    try {
      const mutation = mutations.find((each) => each.name === name);
      if (mutation) await apply(mutation, tree.root);
      const [report] = await runCheck(tree.root, [7]);
      expect(Object.keys(report?.broken ?? {}).slice(0, 1)).toEqual(seen);
    } finally {
      await tree.remove();
    }
  },
  600_000,
);
