// Recognises an operator: a caller with an ordinary session, whose user has the role now. Every call asks the database,
// so a revoked role ends with the next request.

import { query } from '../platform/database/database.ts';
import type { CallerKind } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import { log } from '../platform/telemetry/log.ts';
import { type Caller, user } from './caller.ts';

/**
 * Throws `operator_only` for a caller without the role. It is as strict about ended sessions as functions that move
 * money.
 */
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
    log.warn({ userId: caller.userId }, 'a user without the role has called a function of operators');
    throw new Problem('operator_only');
  },
};
