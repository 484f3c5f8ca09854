// An answer of a renderer never changes. The answers of renderer 1 were written by the version that kept whole answers.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { beforeAll, expect, test } from '@jest/globals';
import type { KeptAnswer } from '../../../shared/platform/http/function.ts';
import type { WalletData } from '../../../shared/wallet/answer.ts';

interface Answered {
  what: string;
  data: WalletData;
  answer: KeptAnswer;
}

const answered = JSON.parse(
  readFileSync(join(import.meta.dirname, 'answers-of-renderer-1.json'), 'utf8'),
) as Answered[];
let answer: typeof import('../../../shared/wallet/answer.ts');

beforeAll(async () => {
  process.env['PUBLIC_URL'] = 'https://one-gate.test';
  answer = await import('../../../shared/wallet/answer.ts');
});

test.each(answered.map((each) => [each.what, each] as const))('%s is answered byte for byte', (_what, each) => {
  expect(answer.answerOf({ data: each.data })).toEqual(each.answer);
});

test('a changed answer needs a new renderer: these are answers of the latest one', () => {
  expect(new Set(answered.map(({ data }) => data.renderer))).toEqual(
    new Set([answer.keep({ outcome: 'hold_expired' }).renderer]),
  );
});

test('the answer of a version before results is answered as it is', () => {
  const kept = { status: 409, body: '{"any":"thing"}' };
  expect(answer.answerOf({ answer: kept })).toBe(kept);
});

test('a result of an unknown renderer gets no other answer', () => {
  expect(() => answer.answerOf({ data: { outcome: 'hold_expired', renderer: 99 } })).toThrow('renderer 99');
});
