// ShopeePay: callers may name it, but no provider exists for it yet.

import type { PaymentMethodDeclaration } from '../declaration.ts';

export const shopeePay: PaymentMethodDeclaration<'SHOPEE_PAY'> = { method: 'SHOPEE_PAY', title: 'ShopeePay' };
