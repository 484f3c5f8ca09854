// One Gate's own accounts, made by migrations (0002, 0013). They may go below zero: the sum of all balances is zero.

/** What GoPay holds for us, with the sign turned: it falls with every top-up that people have paid there. */
export const GOPAY_CLEARING = '00000000-0000-7000-8000-000000000001';
/** Money that GoPay holds for us and that cannot go to the wallet it was meant for. */
export const GOPAY_SUSPENSE = '00000000-0000-7000-8000-000000000002';
/** Owns the keys that the schedule posts under. No person can send a request for it, and no money lies here. */
export const SCHEDULE_KEYS = '00000000-0000-7000-8000-000000000003';
