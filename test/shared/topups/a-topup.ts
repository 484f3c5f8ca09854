// A top-up as a test wants it: PENDING, with its first attempt sent and its address told, unless it says otherwise.

import type { Attempt, Topup } from '../../../shared/topups/topup.ts';

export function aTopup(more: Partial<Topup> = {}, attempt: Partial<Attempt> = {}): Topup {
  return {
    operationId: '01a192e7-6280-7abc-8def-012345678902',
    accountId: 'siti',
    method: 'GOPAY',
    amount: 15_000_000n,
    currency: 'IDR',
    status: 'PENDING',
    legNumber: '1',
    isCancelRequested: false,
    isOld: false,
    isOverdue: false,
    ...more,
    attempt: {
      reference: 'TOP-01A192E762807ABC8DEF012345678902-1',
      number: 1,
      state: 'ACCEPTED',
      providerReference: undefined,
      endedAs: undefined,
      wasAccepted: true,
      traceparent: null,
      expiresAt: new Date('2026-11-28T00:15:00Z'),
      isExpired: false,
      isOver: false,
      isLatest: true,
      ...attempt,
    },
  };
}
