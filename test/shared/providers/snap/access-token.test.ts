import { expect, test } from '@jest/globals';
import { type AccessToken, accessTokens } from '../../../../shared/providers/snap/access-token.ts';

interface Refusal {
  name: 'refused';
}

/** A provider whose answers the test releases one by one, and a clock that only the test moves. */
function provider() {
  const waiting: ((answer: AccessToken | Refusal) => void)[] = [];
  let now = 1_000_000;
  const tokens = accessTokens<Refusal>(
    () => new Promise((resolve) => waiting.push(resolve)),
    () => now,
  );
  return {
    tokens,
    asked: () => waiting.length,
    answer(token: string) {
      waiting.at(-1)?.({ name: 'token', token, lifetimeMs: 900_000 });
    },
    refuse() {
      waiting.at(-1)?.({ name: 'refused' });
    },
    pass(seconds: number) {
      now += seconds * 1000;
    },
  };
}

test('many callers wait for one request', async () => {
  const { tokens, answer, asked } = provider();
  const callers = [tokens.get(), tokens.get(), tokens.get()];
  answer('first');
  expect(await Promise.all(callers)).toMatchObject([{ token: 'first' }, { token: 'first' }, { token: 'first' }]);
  expect(asked()).toBe(1);
});

test('a token is renewed after four fifths of its life, while no caller waits', async () => {
  const { tokens, answer, asked, pass } = provider();
  const first = tokens.get();
  answer('first');
  await first;
  pass(719);
  expect(await tokens.get()).toMatchObject({ token: 'first' });
  expect(asked()).toBe(1);
  pass(1);
  expect(await tokens.get()).toMatchObject({ token: 'first' });
  expect(await tokens.get()).toMatchObject({ token: 'first' });
  expect(asked()).toBe(2);
  answer('second');
  await new Promise(setImmediate);
  expect(await tokens.get()).toMatchObject({ token: 'second' });
});

test('a failed renewal does no harm while the old token is good, and is the callers’ error afterwards', async () => {
  const { tokens, answer, refuse, asked, pass } = provider();
  const first = tokens.get();
  answer('first');
  await first;
  pass(800);
  expect(await tokens.get()).toMatchObject({ token: 'first' });
  refuse();
  await new Promise(setImmediate);
  pass(99);
  expect(await tokens.get()).toMatchObject({ token: 'first' });
  refuse();
  await new Promise(setImmediate);
  pass(1);
  const late = tokens.get();
  refuse();
  expect(await late).toEqual({ name: 'refused' });
  expect(asked()).toBe(4);
});

test('a discarded token is not used again, and discarding an older one changes nothing', async () => {
  const { tokens, answer, asked } = provider();
  const first = tokens.get();
  answer('first');
  await first;
  tokens.discard('first');
  const second = tokens.get();
  answer('second');
  expect(await second).toMatchObject({ token: 'second' });
  tokens.discard('first');
  expect(await tokens.get()).toMatchObject({ token: 'second' });
  expect(asked()).toBe(2);
});
