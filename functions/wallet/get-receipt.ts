// GET /v1/transactions/{id}/receipt: a signed receipt for a successful transaction.

import * as v from 'valibot';
import { readOwnLeg } from '../../shared/ledger/reading/history.ts';
import { parseTransactionName } from '../../shared/ledger/rules/ids.ts';
import { publicUrl } from '../../shared/platform/environment.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { RECEIPT_KEYS_PATH, receiptOf, receiptSchema, signReceipt } from '../../shared/receipts/receipt.ts';
import { user } from '../../shared/sessions/caller.ts';
import { transactionOf } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'get-receipt',
  summary: 'A signed receipt for a transaction',
  description:
    '`receipt` is a compact JWS (EdDSA, Ed25519, typ `receipt+jwt`). Check it offline with the keys from `keys_url`. ' +
    '`content` is its text, to be shown. `{id}` is as in /v1/transactions/{id}. Each party has its own receipt, in ' +
    "which the other's name is masked. A repeated request gets the same receipt. A refunded payment keeps its " +
    'receipt, and the refund has its own. With Node and jose, after saving the keys once:\n\n' +
    '```js\n' +
    "import { compactVerify, createLocalJWKSet } from 'jose';\n" +
    'const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(keys), { algorithms: ["EdDSA"] });\n' +
    'if (protectedHeader.typ !== "receipt+jwt") throw new Error("This is not a receipt.");\n' +
    'console.log(JSON.parse(new TextDecoder().decode(payload)));\n' +
    '```',
  uses: { database: 'reader', redis: true, accessTokens: 'verify', receipts: 'sign' },
  http: {
    route: 'GET /v1/transactions/{id}/receipt',
    limit: { perMinute: 120, by: 'user' },
    caller: user,
    path: v.strictObject({ id: v.pipe(v.string(), maxCharacters(50)) }),
    answer: v.object({
      receipt: v.pipe(
        v.string(),
        v.description('Three parts of base64url with dots between them (RFC 7515).'),
        v.examples(['eyJhbGciOiJFZERTQSIsInR5cCI6InJlY2VpcHQrand0In0.eyJzdGF0dXMiOiJTVUNDRVNTIn0.c2lnbmF0dXJl']),
      ),
      keys_url: v.pipe(
        v.string(),
        v.url(),
        v.description('The address of the public keys. You may keep them.'),
        v.examples([`https://one-gate.example${RECEIPT_KEYS_PATH}`]),
      ),
      content: receiptSchema,
    }),
    status: 200,
    errors: ['transaction_not_found', 'receipt_not_available'],

    handle: async ({ caller, path }) => {
      const id = parseTransactionName(path.id);
      const own = id && (await readOwnLeg(caller.accountId, id));
      if (!own) throw new Problem('transaction_not_found');
      const transaction = transactionOf(own);
      const content = receiptOf(transaction, caller);
      if (!content) {
        throw new Problem('receipt_not_available', {
          detail:
            transaction.status === 'PENDING'
              ? 'The transaction is PENDING: ask again when it is SUCCESS.'
              : `The transaction is ${transaction.status}: no money has moved, so there is no receipt.`,
        });
      }
      return { data: { receipt: await signReceipt(content), keys_url: `${publicUrl()}${RECEIPT_KEYS_PATH}`, content } };
    },
  },
});
