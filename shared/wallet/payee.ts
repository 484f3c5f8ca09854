// Finds the payee that a request names.

import { findPayee, type Payee, type PayeeName } from '../ledger/reading/payees.ts';
import { Problem } from '../platform/http/problem.ts';

/** Throws `payee_not_found` if no wallet has this name. */
export async function payeeOf(to: PayeeName): Promise<Payee> {
  const payee = await findPayee(to);
  if (!payee) throw new Problem('payee_not_found');
  return payee;
}
