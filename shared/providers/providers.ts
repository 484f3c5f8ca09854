// All payment methods and providers. A new provider adds its folder and its line here.

import * as v from 'valibot';
import { gopay } from './gopay/declaration.ts';
import { shopeePay } from './shopee-pay/declaration.ts';

/** In the order of the documents. Schemas accept a method without a provider; functions refuse it. */
const methods = [gopay, shopeePay] as const;

export type PaymentMethod = (typeof methods)[number]['method'];
export type DeclaredProvider = Extract<(typeof methods)[number], { open: unknown }>;

export const providers: readonly DeclaredProvider[] = methods.filter((each) => 'open' in each);

export const paymentMethods: readonly PaymentMethod[] = methods.map(({ method }) => method);

export const paymentMethodSchema = v.picklist(paymentMethods);

export function titleOf(method: PaymentMethod): string {
  return methods.find((each) => each.method === method)?.title ?? method;
}
