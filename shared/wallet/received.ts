// Finds the payment that its payee captures, voids or refunds.

import * as v from 'valibot';
import { readOwnLeg } from '../ledger/reading/history.ts';
import { parseTransactionName } from '../ledger/rules/ids.ts';
import type { Counterparty } from '../ledger/rules/words.ts';
import { Problem } from '../platform/http/problem.ts';
import type { ProblemCode } from '../platform/http/problems.ts';
import { maxCharacters } from '../platform/http/text.ts';

export const receivedIdSchema = v.pipe(
  v.string(),
  maxCharacters(50),
  v.description("The payment's transaction_id, id or operation_id, of either side."),
  v.examples(['PAY-01A192E762807ABC8DEF012345678902']),
);

export interface Received {
  operationId: string;
  payer: Counterparty;
}

/**
 * The payment that the account has received or has been promised. Throws `transaction_not_found`, `payee_only` for the
 * payer, and `otherwise` if it is no payment. None of this ever changes, so it is checked before anything is locked.
 */
export async function findReceived(accountId: string, name: string, otherwise: ProblemCode): Promise<Received> {
  const id = parseTransactionName(name);
  const own = id && (await readOwnLeg(accountId, id));
  if (!own) throw new Problem('transaction_not_found');
  const { leg, counterparty } = own;
  if (leg.type !== 'PAYMENT' || !counterparty) throw new Problem(otherwise);
  if (leg.direction === 'DEBIT') throw new Problem('payee_only');
  return { operationId: leg.operationId, payer: counterparty };
}
