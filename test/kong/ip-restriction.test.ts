import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { safeParse } from 'valibot';
import type { Exchange, Ground } from '../../kong/local/plugin.ts';
import { create, schema } from '../../kong/local/plugins/ip-restriction.ts';
import { PUBLIC_URL, startTestGateway, type TestGateway } from './test-gateway.ts';

const OPERATORS = ['/v1/operator/freeze', '/v1/operator/thaw', '/v1/operator/account'];

describe('operators’ addresses', () => {
  let inside: TestGateway;
  let outside: TestGateway;

  beforeAll(async () => {
    inside = await startTestGateway();
    outside = await startTestGateway((yaml) => yaml.replaceAll('127.0.0.0/8', '10.99.0.0/16'));
  });
  afterAll(() => Promise.all([inside.stop(), outside.stop()]));

  const post = async (gate: TestGateway, path: string, headers: Record<string, string> = {}) =>
    fetch(gate.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${await gate.token()}`, 'content-type': 'application/json', ...headers },
      body: '{}',
    });

  test.each(OPERATORS)('%s passes from a listed network', async (path) => {
    expect((await post(inside, path)).status).toBe(200);
    expect(inside.seen.at(-1)?.path).toBe(path);
  });

  test.each(OPERATORS)('%s is refused from any other network, whatever the caller’s headers say', async (path) => {
    const answer = await post(outside, path, { 'x-forwarded-for': '10.99.0.1', 'x-real-ip': '10.99.0.1' });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: `${PUBLIC_URL}/errors/address_not_allowed`,
      title: 'This address may not call here',
      status: 403,
      code: 'address_not_allowed',
      detail: 'Call from one of the networks that the gateway lists for this address.',
      request_id: answer.headers.get('x-request-id'),
    });
    expect(outside.seen).toEqual([]);
  });

  test.each(['/v1/operator/freezes', '/v1/operator/audit'])('reading %s needs the address, too', async (path) => {
    const headers = { authorization: `Bearer ${await outside.token()}` };
    expect((await fetch(outside.url + path, { headers })).status).toBe(403);
  });

  test('the token is checked first, and other functions take every address', async () => {
    expect((await fetch(`${outside.url}/v1/operator/audit`)).status).toBe(401);
    const headers = { authorization: `Bearer ${await outside.token()}` };
    expect((await fetch(`${outside.url}/v1/account`, { headers })).status).toBe(200);
  });
});

describe('networks', () => {
  const answer = (allow: string[], clientAddress: string) =>
    create({ allow, status: 403, message: 'no' }, {} as Ground).access?.({ clientAddress } as Exchange);

  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.20.30.40', '10.20.30.40', true],
    ['10.20.30.40', '10.20.30.41', false],
    ['127.0.0.0/8', '::ffff:127.0.0.1', true],
    ['::1', '::1', true],
    ['fc00::/7', 'fd12::1', true],
    ['fc00::/7', 'fe80::1', false],
    ['0.0.0.0/0', '203.0.113.7', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['10.0.0.0/8', '', false],
  ])('%s and %s: %s', (network, address, isAllowed) => {
    expect(answer(['192.0.2.1', network], address) === undefined).toBe(isAllowed);
  });

  test.each(['10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'localhost', 'fe80::1%eth0', ''])(
    '%j is not a network',
    (network) => {
      expect(safeParse(schema, { allow: [network] }).success).toBe(false);
    },
  );

  test('an empty list, with which Kong lets every address in, is refused', () => {
    expect(safeParse(schema, { allow: [] }).success).toBe(false);
    expect(safeParse(schema, { deny: ['10.0.0.1'] }).success).toBe(false);
  });
});
