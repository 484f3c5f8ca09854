// The keys of receipts. They differ from the keys of access tokens, because a receipt is checked by others years later,
// a token by us within minutes.

import { receiptPublicKeys, receiptSigningKeys } from '../platform/environment.ts';
import { signingKeys } from '../signing-keys.ts';

export const { publicKeys, signingKey } = signingKeys({
  publicKeys: { name: 'RECEIPT_PUBLIC_KEYS', read: receiptPublicKeys },
  privateKeys: { name: 'RECEIPT_SIGNING_KEYS', read: receiptSigningKeys },
});
