// Posts from the gateway itself to a function, as http-log does: by the function's own host name, through Kourier's part.

import type { Pool } from 'undici';
import type { Ground } from './plugin.ts';

export function postThrough(ingress: Pool): Ground['post'] {
  return async (to, headers, body, timeoutMs) => {
    const answer = await ingress.request({
      method: 'POST',
      path: to.pathname,
      headers: { ...headers, host: to.host },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`it answered ${answer.statusCode}`);
  };
}
