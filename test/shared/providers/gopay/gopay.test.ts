import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type GopayConfiguration, gopayProvider } from '../../../../shared/providers/gopay/gopay.ts';
import type { PaymentRequest, Provider } from '../../../../shared/providers/provider.ts';
import { paymentExternalId } from '../../../../shared/providers/snap/external-id.ts';
import { eventually, merchantWithSimulator } from '../../../sandbox/gopay/merchant.ts';

let merchant: Awaited<ReturnType<typeof merchantWithSimulator>>;
let gopay: Required<Provider>;
let count = 0;

beforeAll(async () => {
  merchant = await merchantWithSimulator();
});
afterAll(() => merchant.close());
beforeEach(async () => {
  await merchant.control.reset();
  gopay = gopayProvider(merchant.configuration);
});

function request(change: Partial<PaymentRequest> = {}): PaymentRequest {
  return {
    reference: `TOP-${++count}`,
    amount: 15_000_000n,
    currency: 'IDR',
    returnUrl: 'https://shop.example/return?order=1',
    expiresAt: new Date(Date.now() + 600_000),
    description: 'Top up of One Gate',
    ...change,
  };
}

async function accepted(change: Partial<PaymentRequest> = {}) {
  const order = request(change);
  const outcome = await gopay.requestPayment(order);
  if (outcome.name !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(outcome)}`);
  return { reference: order.reference, providerReference: outcome.providerReference, redirectUrl: outcome.redirectUrl };
}

describe('requesting a payment', () => {
  test('gives the provider everything it needs and the payer a page to pay at', async () => {
    const order = request();
    const outcome = await gopay.requestPayment(order);
    expect(outcome).toEqual({
      name: 'accepted',
      providerReference: expect.stringMatching(/^A1\w+ID$/),
      redirectUrl: expect.stringContaining(merchant.simulator.url),
    });
    expect(await merchant.control.payments()).toMatchObject([
      {
        partnerReferenceNo: order.reference,
        externalId: paymentExternalId(order.reference, 0),
        amount: { value: '150000.00', currency: 'IDR' },
        itemName: 'Top up of One Gate',
        returnUrl: order.returnUrl,
        status: 'initiated',
        validUpTo: new Date(Math.floor(order.expiresAt.getTime() / 1000) * 1000).toISOString(),
      },
    ]);
  });

  test.each([
    ['more than a payment may be', { amount: 2_000_000_100n }, 'exceeds_transaction_amount_limit', '4035402'],
    ['nothing', { amount: 0n }, 'invalid_amount', '4045413'],
    ['sen, which GoPay does not have', { amount: 15_000_001n }, 'invalid_amount', '4045413'],
    ['another currency', { currency: 'USD' }, 'invalid_field_format', '4005401'],
    ['a time that is over', { expiresAt: new Date(Date.now() - 60_000) }, 'transaction_expired', '4035400'],
    ['a dangerous way back', { returnUrl: 'javascript:alert(1)' }, 'invalid_field_format', '4005401'],
    ['no way back', { returnUrl: '' }, 'invalid_mandatory_field', '4005402'],
  ] as const)('%s is refused with the reason', async (_what, change, reason, code) => {
    expect(await gopay.requestPayment(request(change))).toEqual({ name: 'refused', reason, code });
    expect(await merchant.control.payments()).toEqual([]);
  });

  test.each([
    ['another secret', { clientSecret: 'guessed' }, '4015400'],
    ['another client', { clientId: 'somebody' }, '4017300'],
    ['another partner', { partnerId: 'somebody' }, '4015400'],
  ])('%s is refused', async (_what, change, code) => {
    gopay = gopayProvider({ ...merchant.configuration, ...change });
    expect(await gopay.requestPayment(request())).toEqual({ name: 'refused', reason: 'unauthorized', code });
  });

  test.each([-6, 6])('a clock that is %i minutes off is refused', async (minutes) => {
    gopay = gopayProvider({ ...merchant.configuration, now: () => new Date(Date.now() + minutes * 60_000) });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'refused', reason: 'unauthorized' });
  });

  test('an address with a slash at its end is the same address', async () => {
    gopay = gopayProvider({ ...merchant.configuration, baseUrl: `${merchant.simulator.url}/` });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'accepted' });
  });

  test('another merchant is refused', async () => {
    gopay = gopayProvider({ ...merchant.configuration, merchantId: 'G1' });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'refused', reason: 'invalid_merchant' });
  });
});

describe('without an answer the outcome is unknown, and an inquiry finds it', () => {
  test('202, then paid', async () => {
    await merchant.control.scenario('202_then_00');
    const order = request();
    expect(await gopay.requestPayment(order)).toEqual({ name: 'unknown', reason: 'in_progress', code: '2025400' });
    expect(await gopay.inquire({ reference: order.reference })).toMatchObject({ name: 'paid', amount: 15_000_000n });
  });

  test('504, but paid', async () => {
    await merchant.control.scenario('504_but_paid');
    const order = request();
    expect(await gopay.requestPayment(order)).toEqual({ name: 'unknown', reason: 'provider_error', code: '5045400' });
    expect(await gopay.inquire({ reference: order.reference })).toMatchObject({ name: 'paid', amount: 15_000_000n });
  });

  test.each([
    ['a dropped connection', { answer: 'drop' }, 'network'],
    ["a gateway's page", { answer: 'garbage' }, 'provider_error'],
    ['a quota', { answer: { response_code: '4295400' } }, 'too_many_requests'],
    ['a general error', { answer: { response_code: '5005400' } }, 'provider_error'],
    ['an answer about something else', { answer: { response_code: '2005500' } }, 'malformed_answer'],
    ['a success that says nothing', { answer: { response_code: '2005400' } }, 'malformed_answer'],
  ] as const)('%s', async (_what, fault, reason) => {
    await merchant.control.fault({ service: '54', ...fault });
    const order = request();
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'unknown', reason });
    expect(await gopay.inquire({ reference: order.reference })).toMatchObject({ name: 'pending' });
  });

  test('an answer that takes too long', async () => {
    gopay = gopayProvider({ ...merchant.configuration, timeoutMs: 250 });
    await merchant.control.fault({ service: '54', delay_ms: 2000 });
    const order = request();
    expect(await gopay.requestPayment(order)).toEqual({ name: 'unknown', reason: 'timeout' });
    expect(await gopay.inquire({ reference: order.reference })).toMatchObject({ name: 'pending' });
  });

  test('a caller who gives up', async () => {
    await merchant.control.fault({ service: '54', delay_ms: 2000 });
    const order = request();
    const patience = new AbortController();
    const outcome = gopay.requestPayment(order, { signal: patience.signal });
    await eventually(async () => (await merchant.control.payments()).length > 0);
    patience.abort();
    expect(await outcome).toEqual({ name: 'unknown', reason: 'timeout' });
    expect(await gopay.requestPayment(request(), { signal: AbortSignal.abort() })).toEqual({
      name: 'unknown',
      reason: 'timeout',
    });
  });

  test('no server at all', async () => {
    gopay = gopayProvider({ ...merchant.configuration, baseUrl: 'http://127.0.0.1:1' });
    expect(await gopay.requestPayment(request())).toEqual({ name: 'unknown', reason: 'network' });
    expect(await gopay.inquire({ reference: 'TOP-0' })).toEqual({ name: 'unknown', reason: 'network' });
    expect(await gopay.cancel({ reference: 'TOP-0' })).toEqual({ name: 'unknown', reason: 'network' });
  });

  test('a request that never arrived is not found', async () => {
    await merchant.control.fault({ service: '54', process: false, answer: 'drop' });
    const order = request();
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'unknown' });
    expect(await gopay.inquire({ reference: order.reference })).toEqual({ name: 'not_found' });
    expect(await gopay.cancel({ reference: order.reference })).toEqual({ name: 'not_found' });
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'accepted' });
  });
});

describe('asking again', () => {
  test('never makes a second payment where a repeated external id is a conflict', async () => {
    const first = await accepted();
    expect(await gopay.requestPayment(request({ reference: first.reference }))).toEqual({
      name: 'unknown',
      reason: 'duplicate_reference',
      code: '4095401',
    });
    expect(await merchant.control.payments()).toHaveLength(1);
    expect(await gopay.inquire({ reference: first.reference })).toMatchObject({
      name: 'pending',
      providerReference: first.providerReference,
    });
  });

  test('gives the first answer where a repeated external id is the same request', async () => {
    await merchant.control.settings({ repeated_external_id: 'replay' });
    await merchant.control.fault({ service: '54', answer: 'drop' });
    const order = request();
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'unknown' });
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'accepted' });
    expect(await merchant.control.payments()).toHaveLength(1);
  });

  test('after a conflict, a refusal says nothing about the earlier attempt', async () => {
    const first = await accepted();
    const other = request({ reference: first.reference, amount: 9_000_000_000n });
    expect(await gopay.requestPayment(other)).toEqual({ name: 'unknown', reason: 'earlier_attempt', code: '4035402' });
  });

  test('ends when every external id of the day is used', async () => {
    const first = await accepted();
    await gopay.requestPayment(request({ reference: first.reference }));
    await gopay.requestPayment(request({ reference: first.reference }));
    await gopay.requestPayment(request({ reference: first.reference }));
    expect(await gopay.requestPayment(request({ reference: first.reference }))).toEqual({
      name: 'unknown',
      reason: 'earlier_attempt',
    });
    expect(await gopay.inquire({ reference: first.reference })).toMatchObject({ name: 'pending' });
  });
});

describe('the access token', () => {
  test('is fetched once for many calls', async () => {
    await merchant.control.fault({ service: '73', times: 2 });
    await Promise.all(Array.from({ length: 20 }, () => accepted()));
    // Both faults would be used up if two tokens had been requested.
    expect(await merchant.control.settings({})).toMatchObject({ faults: [{ service: '73', times: 1 }] });
  });

  test('is the one with which the call was prepared', async () => {
    await merchant.control.fault({ service: '73', times: 2 });
    gopay.prepare();
    await accepted();
    gopay.prepare();
    await accepted();
    expect(await merchant.control.settings({})).toMatchObject({ faults: [{ service: '73', times: 1 }] });
  });

  test('that was prepared in vain is requested again', async () => {
    await merchant.control.fault({ service: '73', answer: 'drop' });
    gopay.prepare();
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'unknown', reason: 'network' });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'accepted' });
  });

  test('is fetched anew, once, when the provider has dropped it', async () => {
    await accepted();
    await merchant.control.expireTokens();
    const order = request();
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'accepted' });
    // The second sending had an external id of its own, and the payment is found without having stored it.
    expect(await gopay.inquire({ reference: order.reference })).toMatchObject({ name: 'pending' });
  });

  test('that is refused twice leaves the outcome unknown', async () => {
    await merchant.control.fault({ service: '54', times: 2, process: false, answer: { response_code: '4015401' } });
    expect(await gopay.requestPayment(request())).toEqual({
      name: 'unknown',
      reason: 'not_authorized',
      code: '4015401',
    });
  });

  test.each([
    ['a dropped connection', 'drop', 'network'],
    ["a gateway's page", 'garbage', 'provider_error'],
    ['an answer without a token', { response_code: '2007300' }, 'malformed_answer'],
  ] as const)('that does not come leaves the outcome unknown: %s', async (_what, answer, reason) => {
    await merchant.control.fault({ service: '73', answer });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'unknown', reason });
    expect(await gopay.requestPayment(request())).toMatchObject({ name: 'accepted' });
  });
});

describe('inquiring', () => {
  test.each(["by the provider's reference", 'by ours alone'])('tells every state apart, %s', async (how) => {
    const { control } = merchant;
    const asked = ({ reference, providerReference }: { reference: string; providerReference: string }) =>
      gopay.inquire(how === 'by ours alone' ? { reference } : { reference, providerReference });
    const [open, paid, refunded, cancelled, failed, expired] = [
      await accepted(),
      await accepted(),
      await accepted(),
      await accepted(),
      await accepted(),
      await accepted(),
    ];
    await control.pay(paid.reference);
    await control.pay(refunded.reference);
    await control.refund(refunded.reference, { value: '50000.00' });
    await control.cancel(cancelled.reference);
    await control.fail(failed.reference);
    await control.expire(expired.reference);

    const { providerReference } = open;
    expect(await asked(open)).toEqual({ name: 'pending', providerReference });
    expect(await asked(paid)).toEqual({
      name: 'paid',
      providerReference: paid.providerReference,
      amount: 15_000_000n,
      currency: 'IDR',
      paidAt: expect.any(Date),
    });
    expect(await asked(refunded)).toMatchObject({ name: 'refunded', amount: 15_000_000n, currency: 'IDR' });
    expect(await asked(cancelled)).toEqual({ name: 'cancelled', providerReference: cancelled.providerReference });
    expect(await asked(failed)).toEqual({ name: 'failed', providerReference: failed.providerReference });
    expect(await asked(expired)).toEqual({ name: 'failed', providerReference: expired.providerReference });
  });

  test('an unknown payment is not found', async () => {
    expect(await gopay.inquire({ reference: 'TOP-NEVER' })).toEqual({ name: 'not_found' });
    expect(await gopay.inquire({ reference: 'TOP-NEVER', providerReference: 'A1' })).toEqual({ name: 'not_found' });
  });

  test('an answer about another payment is not taken for this one', async () => {
    const [mine, other] = [await accepted(), await accepted()];
    await merchant.control.pay(other.reference);
    expect(
      await gopay.inquire({ reference: mine.reference, providerReference: other.providerReference }),
    ).toMatchObject({
      name: 'unknown',
      reason: 'malformed_answer',
    });
  });

  test.each([
    [{ response_code: '2025500' }, 'in_progress'],
    [{ response_code: '4295500' }, 'too_many_requests'],
    [{ response_code: '5045500' }, 'provider_error'],
    [{ response_code: '4015500' }, 'inquiry_refused'],
    [{ response_code: '4005502' }, 'inquiry_refused'],
    [{ response_code: '2005500' }, 'malformed_answer'],
    ['drop', 'network'],
    ['garbage', 'provider_error'],
  ] as const)('answered with %p, nothing is known, and asking again helps', async (answer, reason) => {
    const payment = await accepted();
    await merchant.control.fault({ service: '55', answer });
    expect(await gopay.inquire(payment)).toMatchObject({ name: 'unknown', reason });
    expect(await gopay.inquire(payment)).toMatchObject({ name: 'pending' });
  });
});

describe('cancelling', () => {
  test('an open payment ends it', async () => {
    const payment = await accepted();
    expect(await gopay.cancel(payment)).toEqual({ name: 'cancelled' });
    expect(await gopay.inquire(payment)).toMatchObject({ name: 'cancelled' });
    await expect(merchant.control.pay(payment.reference)).rejects.toThrow('the payment is cancelled');
  });

  test('can be repeated, and needs only our reference', async () => {
    const { reference } = await accepted();
    expect(await gopay.cancel({ reference })).toEqual({ name: 'cancelled' });
    expect(await gopay.cancel({ reference })).toEqual({ name: 'cancelled' });
  });

  test('a paid payment stays paid', async () => {
    const payment = await accepted();
    await merchant.control.pay(payment.reference);
    expect(await gopay.cancel(payment)).toEqual({ name: 'already_paid' });
    await merchant.control.refund(payment.reference);
    expect(await gopay.cancel(payment)).toEqual({ name: 'already_paid' });
  });

  test('a failed or expired payment is reported as such', async () => {
    const [failed, expired] = [await accepted(), await accepted()];
    await merchant.control.fail(failed.reference);
    await merchant.control.expire(expired.reference);
    expect(await gopay.cancel(failed)).toEqual({ name: 'already_failed' });
    expect(await gopay.cancel(expired)).toEqual({ name: 'already_failed' });
  });

  test.each([
    [{ response_code: '4045714' }, { name: 'already_paid' }],
    [{ response_code: '4045704' }, { name: 'cancelled' }],
    [{ response_code: '4035715' }, { name: 'refused', reason: 'transaction_not_permitted', code: '4035715' }],
    [{ response_code: '4005702' }, { name: 'refused', reason: 'invalid_mandatory_field', code: '4005702' }],
    [{ response_code: '2025700' }, { name: 'unknown', reason: 'in_progress', code: '2025700' }],
    ['drop', { name: 'unknown', reason: 'network' }],
  ] as const)('answered with %p means what it says', async (answer, outcome) => {
    const payment = await accepted();
    await merchant.control.fault({ service: '57', process: false, answer });
    expect(await gopay.cancel(payment)).toEqual(outcome);
  });

  test('an unexplained refusal stays unknown while its explanation is missing', async () => {
    const payment = await accepted();
    await merchant.control.fault({ service: '57', process: false, answer: { response_code: '4045700' } });
    await merchant.control.fault({ service: '55', answer: 'drop' });
    expect(await gopay.cancel(payment)).toEqual({ name: 'unknown', reason: 'network' });
  });
});

describe('a provider that the test plays', () => {
  /** Issues a token, then answers as the test says. */
  async function withProvider<Result>(
    answer: RequestListener,
    use: (provider: Provider) => Promise<Result>,
  ): Promise<Result> {
    const server = createServer((call, response) => {
      const token = { responseCode: '2007300', accessToken: 'token', expiresIn: 900 };
      if (call.url?.endsWith('/b2b')) response.end(JSON.stringify(token));
      else answer(call, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return await use(gopayProvider({ ...merchant.configuration, baseUrl }));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  test('gets the trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    let received: unknown;
    await withProvider(
      (call, response) => {
        received = call.headers['traceparent'];
        response.end('{}');
      },
      (provider) => provider.inquire({ reference: 'R' }, { traceparent }),
    );
    expect(received).toBe(traceparent);
  });

  test('cannot redirect us', async () => {
    const asked: unknown[] = [];
    const outcome = await withProvider(
      (call, response) => {
        asked.push(call.url);
        response.writeHead(307, { location: '/elsewhere' }).end();
      },
      (provider) => provider.requestPayment(request()),
    );
    expect(outcome).toEqual({ name: 'unknown', reason: 'malformed_answer' });
    expect(asked).toEqual(['/v1.0/debit/payment-host-to-host']);
  });

  test('cannot send an endless answer', async () => {
    const outcome = await withProvider(
      (_call, response) => {
        const pour = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', pour);
        pour();
      },
      (provider) => provider.requestPayment(request()),
    );
    expect(outcome).toEqual({ name: 'unknown', reason: 'malformed_answer' });
  });

  test.each([
    ['without an amount', {}],
    ['with a broken amount', { transAmount: { value: 'a lot', currency: 'IDR' } }],
  ])('cannot make us believe in a payment %s', async (_what, fields) => {
    const answer = { responseCode: '2005500', latestTransactionStatus: '00', originalReferenceNo: 'A1', ...fields };
    const outcome = await withProvider(
      (_call, response) => response.end(JSON.stringify(answer)),
      (provider) => provider.inquire({ reference: 'R', providerReference: 'A1' }),
    );
    expect(outcome).toEqual({ name: 'unknown', reason: 'malformed_answer', code: '2005500' });
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', 'nowhere'])(
    'cannot send the payer to %s',
    async (webRedirectUrl) => {
      const outcome = await withProvider(
        (_call, response) =>
          response.end(JSON.stringify({ responseCode: '2005400', referenceNo: 'A1', webRedirectUrl })),
        (provider) => provider.requestPayment(request()),
      );
      expect(outcome).toEqual({ name: 'unknown', reason: 'malformed_answer', code: '2005400' });
    },
  );
});

test.each(['privateKey', 'publicKey'] as const)('an invalid %s stops the process, without showing it', (name) => {
  const configuration: GopayConfiguration = { ...merchant.configuration, [name]: 'not a key, but still a secret' };
  expect(() => gopayProvider(configuration)).toThrow(TypeError);
  expect(() => gopayProvider(configuration)).not.toThrow('secret');
});
