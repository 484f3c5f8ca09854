// ShopeePay: callers may name it, and no provider takes it yet.

import type { PaymentMethodDeclaration } from '../declaration.ts';

export const shopeePay: PaymentMethodDeclaration<'SHOPEE_PAY'> = { method: 'SHOPEE_PAY', title: 'ShopeePay' };
