// The providers that wallets are topped up from.

import { valuesOf } from '../platform/environment.ts';
import { Problem } from '../platform/http/problem.ts';
import { log } from '../platform/telemetry/log.ts';
import { atFirstRequest } from '../platform/wake.ts';
import type { Provider } from '../providers/provider.ts';
import { type DeclaredProvider, type PaymentMethod, providers, titleOf } from '../providers/providers.ts';

export const topupProviders = providers.filter(({ capabilities }) => capabilities.includes('topup'));

const opened = new Map<PaymentMethod, Promise<Provider>>();

/** A `payment_method_unavailable` Problem for a method that no provider takes. */
export function providerOf(method: PaymentMethod): DeclaredProvider {
  const provider = topupProviders.find((each) => each.method === method);
  if (provider) return provider;
  const others = topupProviders.map((each) => each.method).join(' or ');
  throw new Problem('payment_method_unavailable', {
    detail: `Wallets cannot be topped up from ${titleOf(method)}; choose ${others}.`,
  });
}

/** Payments can be given up there. */
export function canCancel(method: PaymentMethod): boolean {
  return providerOf(method).capabilities.includes('cancel');
}

/** The provider's API: one per process, since it keeps an access token. Rejects when a setting is missing. */
export async function apiOf(method: PaymentMethod): Promise<Provider> {
  const provider = providerOf(method);
  const api = opened.get(method) ?? provider.open(valuesOf(provider.settings));
  opened.set(method, api);
  return api;
}

// Its code is loaded while the request is being read.
atFirstRequest(() => {
  for (const { method } of topupProviders)
    apiOf(method).catch((error) => log.warn({ error, method }, 'a provider cannot be opened'));
});
