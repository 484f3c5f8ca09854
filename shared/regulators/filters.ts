// What a regulator may ask transactions for, the same in pages and in exports.

import * as v from 'valibot';
import { amountSchema, timeSchema } from '../ledger/request.ts';
import { paymentMethodSchema } from '../providers/providers.ts';

export const filterSchemas = {
  from: v.optional(v.pipe(timeSchema, v.description('Created at or after this time.'))),
  to: v.optional(v.pipe(timeSchema, v.description('Created before this time.'))),
  type: v.optional(v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER'])),
  status: v.optional(v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED'])),
  payment_method: v.optional(paymentMethodSchema),
  amount_from: v.optional(v.pipe(amountSchema, v.description('At least this much, a decimal string.'))),
  amount_to: v.optional(v.pipe(amountSchema, v.description('At most this much, a decimal string.'))),
};
