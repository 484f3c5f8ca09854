// The introduction of the API document, and a description of each domain.

import { PUBLIC_URL_PLACEHOLDER } from './problem-example.ts';

export const introduction = `
One Gate holds wallets in Indonesian rupiah: people top them up, pay each other and pay merchants.

## A first payment

1. \`POST /v1/register\` makes a user and a wallet.
2. \`POST /v1/login\` gives an \`access_token\` (15 minutes) and a \`refresh_token\` (7 days, each works once).
3. \`POST /v1/topup\` answers with a \`redirect_url\` where the provider takes the money; the wallet has it when the transaction is \`SUCCESS\`.
4. \`POST /v1/pay\` moves it. The answer is the transaction; both sides see it in \`GET /v1/transactions\` at once.

\`\`\`sh
ACCESS_TOKEN=$(curl -s ${PUBLIC_URL_PLACEHOLDER}/v1/login -H 'Content-Type: application/json' \\
  -d '{"identifier":"siti.rahayu","password":"kuda putih di tepi danau"}' | jq -r .data.access_token)

curl ${PUBLIC_URL_PLACEHOLDER}/v1/pay -H "Authorization: Bearer $ACCESS_TOKEN" -H "Idempotency-Key: $(uuidgen)" \\
  -H 'Content-Type: application/json' -d '{"amount":"25000.00","to":{"username":"warung_sari"}}'
\`\`\`

## Answers

JSON in \`snake_case\`. A success is \`{"data": ..., "request_id": ..., "timestamp": ...}\`; a list adds \`next_cursor\`.
Times are UTC with a zone (RFC 3339). New members may be added to any object: ignore those you do not know.

## Money

An amount is a decimal string such as \`"150000.00"\`, never a number: read it with a decimal type, not with floating point.

## Errors

Every refusal is \`application/problem+json\` (RFC 9457). Branch on \`code\`; \`detail\` says what to do next; \`type\` is the address of
[the code's own page](/errors); \`errors\` names unusable fields by JSON pointer. An address that does not exist is 404 \`not_found\`, another
method 405 \`method_not_allowed\`.

## Safe retries

Where money moves, an \`Idempotency-Key\` is required. When an answer is lost, send the same request with the same key again: the money
moves once, and the first answer comes again with \`Idempotent-Replayed: true\`. Every answer about money says \`outcome\`
(\`succeeded\`; \`pending\`: on its way; \`failed\`: nothing has moved; \`unknown\`: it may have, ask again with the same key, or look at
\`look_at\` after \`look_after_seconds\`) and \`safe_to_retry\`: the same request with the same key may be sent again and may succeed.

## Lists

\`limit\` is 1 to 100, 20 if not given. Pass \`next_cursor\` as \`cursor\` to go on; it is null at the end.

## Limits

Bodies may have 64 kB. Calls are counted per minute, and \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` say what is left;
beyond it, 429 with \`Retry-After\`. Every answer has an \`X-Request-Id\`: quote it to support.
`.trim();

/**
 * The folders of functions/ and their functions, in the best order for a newcomer. Functions that are not listed
 * follow.
 */
export const domains = [
  {
    name: 'identity',
    title: 'Identity',
    description: 'Registration, sessions, and the keys for verifying access tokens.',
    first: ['register', 'login', 'refresh', 'logout'],
  },
  {
    name: 'wallet',
    title: 'Wallet',
    description: 'Balances, top-ups, payments and their history.',
    first: ['get-account', 'topup', 'cancel', 'find-payee', 'pay', 'list-transactions', 'get-transaction'],
  },
  {
    name: 'settlement',
    title: 'Settlement',
    description:
      'Payment providers call these, in their own protocols and signed with their own keys. Integrators of One Gate ' +
      'do not need them.',
    first: [],
  },
  {
    name: 'regulators',
    title: 'Regulators',
    description:
      'For Bank Indonesia and OJK: transactions, reports, and the access log. Calls need an API key (`X-API-Key`), ' +
      'an agreed network, and a purpose (`X-Purpose-Code`) on every request.',
    first: [
      'list-regulated-transactions',
      'export-regulated-transactions',
      'regulator-report',
      'list-access-log',
      'regulator-guide',
    ],
  },
  {
    name: 'operators',
    title: 'Operators',
    description:
      'For operators: freezing money, suspending, closing and verifying accounts, API keys of regulators, and the ' +
      'audit trail.',
    first: [
      'freeze',
      'thaw',
      'list-freezes',
      'change-account',
      'issue-api-key',
      'disable-api-key',
      'list-api-keys',
      'list-audit-trail',
    ],
  },
  {
    name: 'documentation',
    title: 'Documentation',
    description: 'This document, its page, and a page for every error.',
    first: [],
  },
] as const satisfies { name: string; title: string; description: string; first: string[] }[];
