// Keys of regulators: made once, shown once, replaced with an overlap, disabled for good.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isApiKey } from '../../../shared/regulators/api-key.ts';
import { type OperatorsService, serveOperators } from './operators-service.ts';

let service: OperatorsService;
beforeAll(async () => {
  service = await serveOperators();
});
afterAll(() => service.close());

const WISH = {
  company: 'Bank Indonesia',
  contact_email: 'pengawasan@bi.example',
  key_name: 'first',
  permissions: ['READ_TRANSACTIONS'],
  limits: { minute: 100, hour: 1000, day: 10_000 },
  allowed_networks: ['203.0.113.0/24', '2001:db8::1'],
  reason: 'BI-2026/77',
};

test('a key is shown once, and neither the database nor the trail has it', async () => {
  const answer = await service.post('api-key', { consumer: 'bank-indonesia', ...WISH });
  expect(answer.status).toBe(201);
  const { key, api_key } = answer.body.data;
  expect(isApiKey(key)).toBe(true);
  expect(api_key).toMatchObject({
    consumer: 'bank-indonesia',
    company: 'Bank Indonesia',
    active: true,
    permissions: ['READ_TRANSACTIONS'],
    limits: { minute: 100, hour: 1000, day: 10_000 },
    allowed_networks: ['203.0.113.0/24', '2001:db8::1'],
    gateway_digest: createHash('sha1').update(`one-gate-kong:${key}`).digest('hex'),
    hint: `${key.slice(0, 13)}…${key.slice(-4)}`,
    expires_at: null,
  });
  const { rows } = await service.admin.query(
    `select (select string_agg(k::text, '') from api_keys k) || (select string_agg(a::text, '') from audit_trail a) as everything,
            (select key_hash from api_keys where id = $1) as hash`,
    [api_key.id],
  );
  expect(rows[0].everything).not.toContain(key.slice(9));
  expect(rows[0].hash).toEqual(createHash('sha256').update(key).digest());
  const listed = await service.get('api-keys', { consumer: 'bank-indonesia' });
  expect(listed.body.data).toEqual([api_key]);
  expect(listed.text).not.toContain(key);
  expect((await service.trail()).at(-1)).toMatchObject({ action: 'issue-api-key', subject: `api-key:${api_key.id}` });
});

test('a key is replaced by one like it, and keeps working for the given time', async () => {
  const first = (await service.post('api-key', { consumer: 'ojk', ...WISH, company: 'OJK' })).body.data.api_key;
  const wish = { consumer: 'ojk', key_name: 'second', replaces: first.id, overlap_hours: 2, reason: 'yearly' };
  const second = await service.post('api-key', wish);
  expect(second.status).toBe(201);
  expect(second.body.data.api_key).toMatchObject({ permissions: first.permissions, limits: first.limits });
  const [, older] = (await service.get('api-keys', { consumer: 'ojk' })).body.data;
  expect(older).toMatchObject({ id: first.id, active: true });
  const hours = (Date.parse(older.expires_at) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(1.9);
  expect(hours).toBeLessThanOrEqual(2);
  const third = await service.post('api-key', { ...wish, replaces: second.body.data.api_key.id });
  expect([third.status, third.body.code]).toEqual([409, 'too_many_keys']);
  await service.post('api-key/disable', { key_id: first.id, reason: 'no overlap after all' });
  expect((await service.post('api-key', { ...wish, replaces: second.body.data.api_key.id })).status).toBe(201);
});

test('two operators who issue the last free key at once do not both get one', async () => {
  const wish = { consumer: 'crowded', ...WISH, company: 'Crowded' };
  await service.post('api-key', wish);
  const answers = await Promise.all(Array.from({ length: 6 }, () => service.post('api-key', wish)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
});

test('a disabled key stays disabled, and disabling it twice changes nothing', async () => {
  const { id } = (await service.post('api-key', { consumer: 'leaving', ...WISH, company: 'Leaving' })).body.data
    .api_key;
  const once = await service.post('api-key/disable', { key_id: id, reason: 'has leaked' });
  expect([once.status, once.body.data.api_key.active]).toEqual([200, false]);
  const trail = (await service.trail()).length;
  const twice = await service.post('api-key/disable', { key_id: id, reason: 'has leaked' });
  expect([twice.status, twice.body.data.api_key.active]).toEqual([200, false]);
  expect((await service.trail()).length).toBe(trail);
  const none = await service.post('api-key/disable', { key_id: crypto.randomUUID(), reason: 'x' });
  expect([none.status, none.body.code]).toEqual([404, 'api_key_not_found']);
});

test.each([
  ['no company for a service that is new', { company: undefined }, 404, 'external_service_not_found'],
  ['the company of another consumer', { company: 'Bank Indonesia' }, 422, 'invalid_request'],
  ['no limits', { limits: undefined }, 422, 'invalid_request'],
  ['a longer window that allows less', { limits: { minute: 100, hour: 50 } }, 422, 'invalid_request'],
  ['a permission that there is not', { permissions: ['READ_ALL'] }, 422, 'invalid_request'],
  ['an expiry that has passed', { expires_at: '2026-01-01T00:00:00Z' }, 422, 'invalid_request'],
  ['an expiry that there is not', { expires_at: '2027-02-30T00:00:00Z' }, 422, 'invalid_request'],
  ['an invalid network', { allowed_networks: ['everywhere'] }, 422, 'invalid_request'],
  ['a name that kong.yaml could not have', { consumer: 'Bank Indonesia' }, 422, 'invalid_request'],
  ['a key to replace that is not there', { replaces: crypto.randomUUID() }, 404, 'api_key_not_found'],
])('is refused, and changes nothing: %s', async (_what, change, status, code) => {
  const count = async () => (await service.admin.query('select count(*) from api_keys')).rows[0].count;
  const before = await count();
  const answer = await service.post('api-key', { consumer: 'new-one', ...WISH, company: 'New One', ...change });
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect(await count()).toBe(before);
});
