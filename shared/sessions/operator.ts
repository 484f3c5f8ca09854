// Recognises an operator: a caller with a session like any other, whose user has the role at this moment. The database is asked at every
// call, and nothing is remembered, so that a role that was taken away ends with the next request.

import { query } from '../platform/database/database.ts';
import type { CallerKind } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import { log } from '../platform/telemetry/log.ts';
import { type Caller, user } from './caller.ts';

/** An `operator_only` Problem for anybody else with a token; as careful about ended sessions as where money moves. */
export const operator: CallerKind<Caller> = {
  name: 'operator',
  scheme: 'bearer',
  from: 'operator-networks',
  async identify(headers) {
    const caller = await user.identify(headers, true);
    const [row] = await query<{ role: 'customer' | 'operator' }>({
      name: 'role-of-user',
      text: 'select role from users where id = $1',
      values: [caller.userId],
    });
    if (row?.role === 'operator') return caller;
    log.warn({ userId: caller.userId }, 'somebody without the role has called a function of operators');
    throw new Problem('operator_only');
  },
};
