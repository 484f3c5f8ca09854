// The B2B access token, kept per process. One request for it runs at a time, and it is renewed before it expires.

/** The part of a token's life after which it is renewed, while it is still valid. */
const RENEW_AFTER = 0.8;

export interface AccessToken {
  name: 'token';
  token: string;
  lifetimeMs: number;
}

export interface AccessTokens<Failure> {
  /** A valid token, or the reason why there is none. */
  get(): Promise<AccessToken | Failure>;
  /** Drops a token that the provider has refused. */
  discard(token: string): void;
}

/** `request` fetches a token and never rejects. */
export function accessTokens<Failure extends { name: string }>(
  request: () => Promise<AccessToken | Failure>,
  now: () => number = Date.now,
): AccessTokens<Failure> {
  let kept: { answer: AccessToken; since: number } | undefined;
  let renewal: Promise<AccessToken | Failure> | undefined;

  function renew(): Promise<AccessToken | Failure> {
    const since = now();
    renewal ??= request()
      .then((answer) => {
        if (isToken(answer)) kept = { answer, since };
        return answer;
      })
      .finally(() => {
        renewal = undefined;
      });
    return renewal;
  }

  return {
    async get() {
      if (!kept) return renew();
      const age = now() - kept.since;
      if (age >= kept.answer.lifetimeMs) return renew();
      // While the old token is valid, callers do not wait for the renewal and do not fail with it.
      if (age >= kept.answer.lifetimeMs * RENEW_AFTER) void renew();
      return kept.answer;
    },
    discard(token) {
      if (kept?.answer.token === token) kept = undefined;
    },
  };
}

function isToken<Failure extends { name: string }>(answer: AccessToken | Failure): answer is AccessToken {
  return answer.name === 'token';
}
