// The platform's own accounts at GoPay, for tests that move money there.

import { gopay } from '../../shared/providers/gopay/declaration.ts';

export const GOPAY_CLEARING = gopay.accounts.clearing;
export const GOPAY_SUSPENSE = gopay.accounts.suspense;
