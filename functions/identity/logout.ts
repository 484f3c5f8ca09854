// POST /v1/logout: ends the caller's session. Its refresh token ends at once, its access tokens end everywhere within
// seconds.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { endSession } from '../../shared/sessions/session.ts';

export default defineFunction({
  name: 'logout',
  summary: 'Log out',
  description: 'Ends the session of the access token. Other sessions of the same user continue.',
  uses: { database: 'identity', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/logout',
    limit: { perMinute: 60, by: 'user' },
    caller: user,
    answer: v.null(),
    status: 204,
    errors: [],
    handle: async ({ caller }) => {
      await endSession(caller.sessionId);
      return { data: null };
    },
  },
});
