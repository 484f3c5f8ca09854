// The B2B access token, kept per process: one request for it at a time, renewed before it ends.

/** Of a token's life, after which it is renewed while it is still good. */
const RENEW_AFTER = 0.8;

export interface AccessToken {
  name: 'token';
  token: string;
  lifetimeMs: number;
}

export interface AccessTokens<Failure> {
  /** A token good for now, or why there is none. */
  get(): Promise<AccessToken | Failure>;
  /** The provider no longer takes this token. */
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
      // Nobody waits for a renewal, and nobody fails with it, while the old token is good.
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
