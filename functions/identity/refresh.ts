// POST /v1/refresh: exchanges a refresh token for a new pair of tokens. A refresh token works once. A second use means
// that two parties hold it, so the session ends for both.

import * as v from 'valibot';
import { anyone, defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters, minCharacters } from '../../shared/platform/http/text.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { carryOn, type Refusal } from '../../shared/sessions/session.ts';
import { TokenPair, tokenPair } from '../../shared/sessions/token-pair.ts';

export default defineFunction({
  name: 'refresh',
  summary: 'Exchange a refresh token',
  description:
    'A refresh token works once: keep the new one. Using a token a second time ends its session. If several requests ' +
    'send the same token at the same time, one gets the new pair, the others get invalid_refresh_token, and the ' +
    'session continues.',
  uses: { database: 'identity', redis: true, accessTokens: 'sign' },
  http: {
    route: 'POST /v1/refresh',
    limit: { perMinute: 120, by: 'address' },
    caller: anyone,
    body: v.strictObject({ refresh_token: v.pipe(v.string(), minCharacters(1), maxCharacters(512)) }),
    answer: TokenPair,
    status: 200,
    errors: ['invalid_refresh_token'],
    handle: async ({ id, body }) => {
      const outcome = await carryOn(body.refresh_token);
      if (typeof outcome === 'string') {
        if (outcome === 'reused')
          log.warn({ requestId: id }, 'a refresh token was used twice: its session has been ended');
        throw new Problem('invalid_refresh_token', { detail: DETAIL[outcome] });
      }
      return { data: await tokenPair(outcome) };
    },
  },
});

const LOG_IN = 'Log in again. A refresh token works once; using an old one ends its session.';

/** Only a client that holds one of our tokens gets the second sentence, so strangers learn nothing from it. */
const DETAIL = {
  unknown: LOG_IN,
  ended: LOG_IN,
  reused: LOG_IN,
  overtaken: 'Another request with this token was faster: use the tokens of its answer, or log in again.',
} satisfies Record<Refusal, string>;
