// Who takes the money of a top-up, and which accounts of ours stand for what it holds for us.

import { gopay } from '../environment.ts';
import { Problem } from '../http/problem.ts';
import type { PaymentMethod } from '../ledger/posting.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from '../ledger/system-accounts.ts';
import { gopayProvider } from '../providers/gopay/gopay.ts';
import type { Provider } from '../providers/provider.ts';

export interface TopupProvider {
  api: Provider;
  /** Of the events about its top-ups: a slow provider must not hold up another. */
  topic: string;
  clearing: string;
  suspense: string;
}

const opened = new Map<PaymentMethod, TopupProvider>();

/** One per process, made when first needed; a `payment_method_unavailable` Problem for one that cannot be used. */
export function providerOf(method: PaymentMethod): TopupProvider {
  const provider = opened.get(method) ?? open(method);
  opened.set(method, provider);
  return provider;
}

function open(method: PaymentMethod): TopupProvider {
  switch (method) {
    case 'GOPAY':
      return {
        api: gopayProvider(gopay()),
        topic: 'one-gate.topups.gopay',
        clearing: GOPAY_CLEARING,
        suspense: GOPAY_SUSPENSE,
      };
    case 'SHOPEE_PAY':
      throw new Problem('payment_method_unavailable', {
        detail: 'Wallets cannot be topped up from ShopeePay; choose GOPAY.',
      });
  }
}
