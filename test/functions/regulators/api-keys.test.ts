// Which keys get in, from which networks, how often and for which purpose; and that every request is written down, even
// a refused one.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBeside } from '../../setup/function-process.ts';
import { ADDRESS, type IssuedKey, type RegulatorService, serveRegulators } from './regulator-service.ts';

let service: RegulatorService;
let ojk: IssuedKey;
let indonesia: IssuedKey;

const LIST = '/v1/regulator/transactions';
const REPORT = '/v1/regulator/report?from=2026-10-01&to=2026-10-31';

beforeAll(async () => {
  service = await serveRegulators();
  ojk = await service.issueKey();
  indonesia = await service.issueKey({ consumer: 'bank-indonesia', permissions: ['READ_TRANSACTIONS'] });
});
afterAll(() => service.close());

const told = async (path: string, as: Parameters<RegulatorService['ask']>[1]) => {
  const { status, body } = await service.ask(path, as);
  return [status, body?.code];
};

describe('a key', () => {
  test('opens the functions that it permits, and no other', async () => {
    expect(await told(LIST, indonesia)).toEqual([200, undefined]);
    expect(await told(LIST, ojk)).toEqual([200, undefined]);
    expect(await told(REPORT, indonesia)).toEqual([403, 'not_permitted']);
    expect(await told(`${LIST}?account_id=${crypto.randomUUID()}&unmask=true`, ojk)).toEqual([403, 'not_permitted']);
    expect(await told('/v1/regulator/access-log', indonesia)).toEqual([200, undefined]);
  });

  test.each([
    ['none', undefined],
    ['a text that is not a key', 'secret'],
    ['one with a slip', `${'ogk_live_'.padEnd(46, 'A')}B`],
  ])('is needed: %s', async (_what, key) => {
    const answer = await service.ask(LIST, key === undefined ? {} : { key });
    expect([answer.status, answer.body.code]).toEqual([401, 'api_key_required']);
    expect(answer.headers.get('www-authenticate')).toBe('Key realm="one-gate"');
  });

  test('that was never issued is told apart from a mistyped one, and both are refused', async () => {
    const { newApiKey } = await import('../../../shared/regulators/api-key.ts');
    const stranger = await service.ask(LIST, { key: newApiKey() });
    expect(stranger.body.detail).toBe('The key is not one of ours.');
    const last = ojk.key.at(-1) === 'x' ? 'y' : 'x';
    const slip = await service.ask(LIST, { key: ojk.key.slice(0, -1) + last });
    expect(slip.body.detail).toContain('mistyped');
  });

  test('works from its networks alone', async () => {
    for (const address of ['198.51.100.1', '2001:db8::1', 'nonsense', '']) {
      expect(await told(LIST, { ...ojk, headers: { 'x-real-ip': address } })).toEqual([403, 'address_not_allowed']);
    }
    expect(await told(LIST, { ...ojk, headers: { 'x-real-ip': `::ffff:${ADDRESS}` } })).toEqual([200, undefined]);
  });

  test('needs a purpose with every request', async () => {
    for (const code of ['', 'CURIOSITY', 'toString']) {
      expect(await told(LIST, { ...ojk, headers: { 'x-purpose-code': code } })).toEqual([400, 'purpose_required']);
    }
  });

  test('that is disabled, or has expired, or whose service is closed, ends with the next request', async () => {
    for (const [end, detail] of [
      ['update api_keys set is_active = false where id = $1', 'disabled'],
      ["update api_keys set expires_at = now() - interval '1 second' where id = $1", 'expired'],
      [
        'update external_services set is_active = false where id = (select external_service_id from api_keys where id = $1)',
        'disabled',
      ],
    ] as const) {
      const key = await service.issueKey({ consumer: 'short-lived' });
      expect(await told(LIST, key)).toEqual([200, undefined]);
      const began = performance.now();
      await service.admin.query(end, [key.keyId]);
      const answer = await service.ask(LIST, key);
      // The promised bound is five seconds.
      expect(performance.now() - began).toBeLessThan(5_000);
      expect([answer.status, answer.body.code]).toEqual([401, 'api_key_required']);
      expect(answer.body.detail).toContain(detail);
    }
  });
});

describe('limits', () => {
  test('are the key’s own, in three windows, and a refusal names the window', async () => {
    const key = await service.issueKey({ consumer: 'limited', minute: 3, hour: 4, day: 100 });
    const first = await service.ask(LIST, key);
    expect(first.headers.get('ratelimit-policy')).toBe('"minute";q=3;w=60, "hour";q=4;w=3600, "day";q=100;w=86400');
    expect(first.headers.get('ratelimit')).toMatch(/^"minute";r=2;t=\d+, "hour";r=3;t=\d+, "day";r=99;t=\d+$/);
    const aimless = await service.ask(LIST, { ...key, headers: { 'x-purpose-code': '' } });
    expect([aimless.status, aimless.headers.get('ratelimit')]).toEqual([400, expect.stringMatching(/"minute";r=1/)]);
    await service.ask(LIST, key);
    const refused = await service.ask(LIST, key);
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(refused.body.policy).toEqual({ name: 'minute', limit: 3, window_seconds: 60 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/"minute";r=0/);
    // A refused request counts in no window, and another key has its own.
    expect(refused.headers.get('ratelimit')).toMatch(/"hour";r=1/);
    expect((await service.ask(LIST, ojk)).status).toBe(200);
  });
});

describe('the access log', () => {
  test('has a row for every request, with key, path, purpose and status', async () => {
    const key = await service.issueKey({ consumer: 'watched' });
    const id = '0123456789abcdef0123456789abcdef';
    const headers = { 'x-kong-request-id': id, 'user-agent': 'inspector/1.0', 'x-case-number': 'OJK-1' };
    await service.ask(`${LIST}?type=TOPUP&limit=5`, { ...key, headers });
    await service.ask(`${LIST}?type=NONSENSE`, key);
    await service.ask(REPORT, { ...key, headers: { 'x-real-ip': '198.51.100.1' } });
    const rows = await service.rows(
      `select gateway_request_id, api_key_id, endpoint, query, http_method, ip_address, user_agent, response_status, problem_code,
              purpose_code, case_number, requests
         from api_access_logs where external_service_id = $1 order by id`,
      [key.serviceId],
    );
    expect(rows).toMatchObject([
      {
        gateway_request_id: id,
        api_key_id: key.keyId,
        endpoint: '/v1/regulator/transactions',
        query: 'type=TOPUP&limit=5',
        http_method: 'GET',
        ip_address: ADDRESS,
        user_agent: 'inspector/1.0',
        response_status: 200,
        problem_code: null,
        purpose_code: 'SUPERVISION',
        case_number: 'OJK-1',
        requests: 1,
      },
      { response_status: 422, problem_code: 'invalid_request', gateway_request_id: null },
      { response_status: 403, problem_code: 'address_not_allowed', endpoint: '/v1/regulator/report' },
    ]);
  });

  test('keeps no key of any service', async () => {
    const wrong = `${ojk.key.slice(0, -1)}_`;
    const headers = { 'user-agent': ojk.key, 'x-case-number': ojk.key };
    await service.ask(`${LIST}?cursor=${ojk.key}`, { key: wrong, headers });
    const rows = await service.rows<{ text: string }>('select log::text as text from api_access_logs log');
    expect(rows.filter(({ text }) => text.includes('ogk_live_…'))).toHaveLength(1);
    expect(rows.filter(({ text }) => text.includes(ojk.key.slice(9, 30)))).toEqual([]);
  });

  test('has the row before the answer: without the row there is no answer', async () => {
    await service.admin.query('alter table api_access_logs rename to api_access_logs_away');
    try {
      const answer = await service.ask(LIST, ojk);
      expect(answer.status).toBe(500);
      expect(answer.body.data).toBeUndefined();
    } finally {
      await service.admin.query('alter table api_access_logs_away rename to api_access_logs');
    }
  });

  test('shows a service its own rows, and no others', async () => {
    const key = await service.issueKey({ consumer: 'reader', permissions: ['READ_REPORTS'] });
    await service.ask('/v1/regulator/report?from=2026-10-01', key);
    await service.ask(LIST, key);
    const first = await service.ask('/v1/regulator/access-log?limit=1', key);
    expect(first.body.data).toMatchObject([{ endpoint: LIST, response_status: 403, problem_code: 'not_permitted' }]);
    const next = await service.ask(`/v1/regulator/access-log?limit=1&cursor=${first.body.next_cursor}`, key);
    expect(next.body.data).toMatchObject([{ endpoint: '/v1/regulator/report', response_status: 422 }]);
    expect(next.body.next_cursor).toBeNull();
    const stolen = await service.ask(`/v1/regulator/access-log?limit=1&cursor=${first.body.next_cursor}`, ojk);
    expect([stolen.status, stolen.body.code]).toEqual([400, 'invalid_cursor']);
  });

  test('has each refusal of the gateway once, however often the gateway reports it', async () => {
    const before = '0'.repeat(31);
    const entry = (id: string, status: number, more = {}) => ({
      client_ip: '198.51.100.9',
      request: { id, method: 'GET', uri: `${LIST}?limit=1` },
      response: { status },
      user_agent: 'scanner',
      key_given: true,
      ...more,
    });
    const seen = crypto.randomUUID().replaceAll('-', '');
    await service.ask(LIST, { ...ojk, headers: { 'x-kong-request-id': seen } });
    const batch = [
      entry(`${before}1`, 401),
      entry(`${before}2`, 401),
      entry(`${before}3`, 429, { consumer: { username: 'ojk' }, purpose_code: 'STATISTICS' }),
      entry(`${before}4`, 405, { request: { id: `${before}4`, method: 'PROPFIND', uri: LIST } }),
      entry(seen, 200, { consumer: { username: 'ojk' } }),
    ];
    for (let turn = 0; turn < 2; turn++) {
      expect(await service.deliver('record-gateway-access', batch, 'one-gate.gateway.access-seen')).toBe(204);
    }
    const rows = await service.rows(
      `select external_service_id, http_method, response_status, problem_code, purpose_code, requests from api_access_logs
        where gateway_request_id = any($1) order by gateway_request_id`,
      [batch.map(({ request }) => request.id)],
    );
    expect(rows).toHaveLength(4);
    expect(rows).toEqual(
      expect.arrayContaining([
        {
          external_service_id: null,
          http_method: 'GET',
          response_status: 401,
          problem_code: 'api_key_required',
          purpose_code: null,
          requests: 2,
        },
        {
          external_service_id: ojk.serviceId,
          http_method: 'GET',
          response_status: 429,
          problem_code: 'rate_limited',
          purpose_code: 'STATISTICS',
          requests: 1,
        },
        expect.objectContaining({ http_method: 'OTHER', response_status: 405, external_service_id: null }),
        expect.objectContaining({ response_status: 200, external_service_id: ojk.serviceId }),
      ]),
    );
  });

  test('takes them from the gateway alone: an entry of a stranger or a source adds no row', async () => {
    const [gateway, source] = ['proof-of-the-gateway-0123456789abcdef', 'proof-of-the-sources-0123456789abcdef'];
    const record = await startBeside('record-gateway-access', {
      DATABASE_URL: service.database.urls.regulator,
      K_SERVICE: 'regulator-records',
      HOST: '127.0.0.1',
      GATEWAY_PROOF: gateway,
      SOURCE_PROOF: source,
    });
    const statusOf = async (id: string, proof: Record<string, string>) => {
      const answer = await fetch(`${record.url}/events/record-gateway-access`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'ce-specversion': '1.0',
          'ce-id': 'gateway',
          'ce-source': '/kong',
          'ce-type': 'one-gate.gateway.access-seen',
          ...proof,
        },
        body: JSON.stringify([{ request: { id, method: 'GET', uri: LIST }, response: { status: 401 } }]),
      });
      await answer.text();
      return answer.status;
    };
    const [forged = '', sent = ''] = ['', ''].map(() => crypto.randomUUID().replaceAll('-', ''));
    try {
      expect(await statusOf(forged, {})).toBe(403);
      expect(await statusOf(forged, { 'x-gateway-proof': source })).toBe(403);
      expect(await statusOf(forged, { 'ce-sourceproof': source })).toBe(403);
      expect(await statusOf(sent, { 'x-gateway-proof': gateway })).toBe(204);
    } finally {
      record.kill('SIGTERM');
      await record.ended;
    }
    const rows = await service.rows(
      'select gateway_request_id as id from api_access_logs where gateway_request_id = any($1)',
      [[forged, sent]],
    );
    expect(rows).toEqual([{ id: sent }]);
  });

  test('takes the valid entries of a batch, and drops the others', async () => {
    const id = crypto.randomUUID().replaceAll('-', '');
    const usable = { request: { id, method: 'GET', uri: LIST }, response: { status: 401 } };
    const batch = [{ nonsense: true }, usable, { ...usable, request: { ...usable.request, id: 'short' } }, null];
    expect(await service.deliver('record-gateway-access', batch, 'one-gate.gateway.access-seen')).toBe(204);
    const rows = await service.rows('select requests from api_access_logs where gateway_request_id = $1', [id]);
    expect(rows).toEqual([{ requests: 1 }]);
  });

  test('can only grow, for every role', async () => {
    for (const statement of [
      "update api_access_logs set endpoint = '/'",
      'delete from api_access_logs',
      'truncate api_access_logs cascade',
    ]) {
      await expect(service.admin.query(statement)).rejects.toMatchObject({ code: '23001' });
    }
  });
});
