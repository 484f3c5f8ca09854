// The payee that a request names.

import { Problem } from '../http/problem.ts';
import { findPayee, type Payee, type PayeeName } from '../ledger/payees.ts';

/** A `payee_not_found` Problem if there is nobody of that name. */
export async function payeeOf(to: PayeeName): Promise<Payee> {
  const payee = await findPayee(to);
  if (!payee) throw new Problem('payee_not_found');
  return payee;
}
