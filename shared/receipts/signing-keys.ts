// The keys of receipts, which are none of the access tokens': a receipt is checked years later and by anybody, a token within minutes and by us.

import { receiptPublicKeys, receiptSigningKeys } from '../platform/environment.ts';
import { signingKeys } from '../signing-keys.ts';

export const { publicKeys, signingKey } = signingKeys({
  publicKeys: { name: 'RECEIPT_PUBLIC_KEYS', read: receiptPublicKeys },
  privateKeys: { name: 'RECEIPT_SIGNING_KEYS', read: receiptSigningKeys },
});
