import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { MONEY_FUNCTIONS } from '../../../shared/ledger/posting/freezes.ts';
import { GOPAY_CLEARING } from '../../setup/gopay-accounts.ts';
import type { Person } from '../wallet/wallet-service.ts';
import { type OperatorsService, openOperator, serveOperators } from './operators-service.ts';

let service: OperatorsService;
let siti: Person;

beforeAll(async () => {
  service = await serveOperators();
  siti = await service.openWallet({ username: 'siti' });
});
afterAll(() => service.close());

/** Every test ends without a freeze. */
afterEach(async () => {
  for (const { id } of (await service.get('freezes')).body.data) {
    await service.post('thaw', { freeze_id: id, reason: 'the test is over' });
  }
});

describe('freezing', () => {
  test.each([
    [{ scope: 'all' }, null, 'all'],
    [{ scope: 'function', subject: 'pay' }, 'pay', 'function:pay'],
    [{ scope: 'account', subject: 'Siti' }, 'siti', 'account:siti'],
    [{ scope: 'account', subject: GOPAY_CLEARING }, GOPAY_CLEARING, `account:${GOPAY_CLEARING}`],
  ])('of %j is answered with the freeze, and is in the trail', async (what, subject, inTheTrail) => {
    const byId = (text: string | null) => text?.replace('siti', siti.accountId) ?? null;
    const { status, body } = await service.post('freeze', { ...what, reason: 'INC-204' });
    expect(status).toBe(201);
    expect(body.data.freeze).toEqual({
      id: expect.any(String),
      scope: what.scope,
      subject: byId(subject),
      reason: 'INC-204',
      frozen_by: 'nadia',
      frozen_at: expect.any(String),
      thawed_by: null,
      thawed_at: null,
    });
    expect((await service.trail()).at(-1)).toEqual({
      actor: service.nadia.userId,
      action: 'freeze',
      subject: byId(inTheTrail),
      reason: 'INC-204',
      detail: JSON.stringify({ freeze_id: body.data.freeze.id }),
    });
  });

  test('again changes nothing and returns the present freeze', async () => {
    const body = { scope: 'account', subject: 'siti', reason: 'the first' };
    const first = await service.post('freeze', body);
    const before = await service.trail();
    const again = await service.post('freeze', { ...body, subject: siti.accountId, reason: 'the second' });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.data).toEqual(first.body.data);
    expect(await service.trail()).toEqual(before);
  });

  test('by many operators at once happens once', async () => {
    const other = await openOperator(service, 'budi');
    const before = (await service.trail()).length;
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        service.post('freeze', { scope: 'all', reason: `number ${index}` }, index % 2 === 0 ? service.nadia : other),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(11).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => body.data.freeze.id)).size).toBe(1);
    expect(await service.trail()).toHaveLength(before + 1);
  });

  test.each(MONEY_FUNCTIONS)('knows the function %s', async (subject) => {
    expect((await service.post('freeze', { scope: 'function', subject, reason: 'INC-204' })).status).toBe(201);
  });

  test.each([
    [
      'an unknown function',
      { scope: 'function', subject: 'login', reason: 'x' },
      '/subject',
      /must be a function that moves money: pay, /,
    ],
    ['no function', { scope: 'function', reason: 'x' }, '/subject', /is required/],
    ['no account', { scope: 'account', reason: 'x' }, '/subject', /is required/],
    [
      'everything, with a subject',
      { scope: 'all', subject: 'siti', reason: 'x' },
      '/subject',
      /unless the scope is all/,
    ],
    ['another scope', { scope: 'country', reason: 'x' }, '/scope', /must be ."all"/],
    ['no reason', { scope: 'all' }, '/reason', /must be/],
    ['an empty reason', { scope: 'all', reason: '  ' }, '/reason', /must not be empty/],
    ['an author of one’s own', { scope: 'all', reason: 'x', frozen_by: '1' }, '/frozen_by', /is not a known field/],
  ])('%s is refused', async (_what, body, pointer, detail) => {
    const answer = await service.post('freeze', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toEqual({ pointer, detail: expect.stringMatching(detail) });
  });

  test.each(['no_such_user', randomUUID()])('of the account %s, which does not exist, is refused', async (subject) => {
    const { status, body } = await service.post('freeze', { scope: 'account', subject, reason: 'INC-204' });
    expect([status, body.code]).toEqual([404, 'wallet_not_found']);
  });
});

describe('thawing', () => {
  test('ends the freeze, names operator and reason, and a new freeze is another one', async () => {
    const frozen = await service.post('freeze', { scope: 'all', reason: 'INC-204' });
    const { id } = frozen.body.data.freeze;
    const other = await openOperator(service, 'agus');
    const { status, body } = await service.post('thaw', { freeze_id: id, reason: 'INC-204 is over' }, other);
    expect(status).toBe(200);
    expect(body.data.freeze).toEqual({ ...frozen.body.data.freeze, thawed_by: 'agus', thawed_at: expect.any(String) });
    expect((await service.trail()).at(-1)).toEqual({
      actor: other.userId,
      action: 'thaw',
      subject: 'all',
      reason: 'INC-204 is over',
      detail: JSON.stringify({ freeze_id: id }),
    });
    const again = await service.post('freeze', { scope: 'all', reason: 'INC-205' });
    expect(again.status).toBe(201);
    expect(again.body.data.freeze.id).not.toBe(id);
  });

  test('of a thawed freeze changes nothing', async () => {
    const { id } = (await service.post('freeze', { scope: 'all', reason: 'INC-204' })).body.data.freeze;
    const first = await service.post('thaw', { freeze_id: id, reason: 'over' });
    const before = await service.trail();
    const again = await service.post('thaw', { freeze_id: id, reason: 'over and over' });
    expect(again.status).toBe(200);
    expect(again.body.data).toEqual(first.body.data);
    expect(await service.trail()).toEqual(before);
  });

  test('without a freeze is 404', async () => {
    const { status, body } = await service.post('thaw', { freeze_id: randomUUID(), reason: 'over' });
    expect([status, body.code]).toEqual([404, 'freeze_not_found']);
    expect((await service.post('thaw', { freeze_id: 'all', reason: 'over' })).status).toBe(422);
  });
});

describe('the list', () => {
  test('has present freezes, newest first; with all=true past ones, too; in pages', async () => {
    const names = ['pay', 'transfer', 'refund'];
    const ids: string[] = [];
    for (const subject of names) {
      ids.unshift(
        (await service.post('freeze', { scope: 'function', subject, reason: 'INC-204' })).body.data.freeze.id,
      );
    }
    await service.post('thaw', { freeze_id: ids[1], reason: 'over' });
    const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);
    expect(idsOf(await service.get('freezes'))).toEqual([ids[0], ids[2]]);
    expect(idsOf(await service.get('freezes', { all: 'true', limit: '3' }))).toEqual(ids);

    const first = await service.get('freezes', { limit: '1' });
    const second = await service.get('freezes', { limit: '1', cursor: first.body.next_cursor });
    expect([...idsOf(first), ...idsOf(second)]).toEqual([ids[0], ids[2]]);
    expect(second.body.next_cursor).toBeNull();
    const mixed = await service.get('freezes', { all: 'true', cursor: first.body.next_cursor });
    expect([mixed.status, mixed.body.code]).toEqual([400, 'invalid_cursor']);
  });
});
