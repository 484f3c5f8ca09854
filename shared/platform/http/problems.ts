// The catalogue of all errors of the API. A code never changes its meaning. Each has its page at /errors/<code>.

interface ProblemKind {
  status: number;
  title: string;
  /** The next step for the developer. */
  advice: string;
  /** For requests about money: true if the same request with the same key may be sent again and may succeed. */
  safeToRetry: boolean;
}

export const problems = {
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    advice: 'Send one JSON object, encoded as UTF-8.',
    safeToRetry: false,
  },
  malformed_request: {
    status: 400,
    title: 'This is not an HTTP request',
    advice: 'Send HTTP/1.1 with well-formed headers, Authorization once, and in Connection no name of another header.',
    safeToRetry: false,
  },
  cloudevent_refused: {
    status: 400,
    title: 'CloudEvents are not accepted here',
    advice: 'Remove the ce-* headers: an HTTP function takes plain JSON requests, events have a path of their own.',
    safeToRetry: false,
  },
  idempotency_key_missing: {
    status: 400,
    title: 'Idempotency-Key is required',
    advice: 'Send an Idempotency-Key of your own making (a UUID will do) and keep it for retries of the same payment.',
    safeToRetry: false,
  },
  idempotency_key_invalid: {
    status: 400,
    title: 'Idempotency-Key is not usable',
    advice: 'Use 1 to 255 printable ASCII characters, bare or in double quotes, in one header.',
    safeToRetry: false,
  },
  invalid_cursor: {
    status: 400,
    title: 'The cursor is not valid',
    advice: 'Pass next_cursor of the previous page unchanged, with the same filters; leave it out for the first page.',
    safeToRetry: false,
  },
  purpose_required: {
    status: 400,
    title: 'The purpose of the request is missing',
    advice: 'Send X-Purpose-Code with one of the codes of the data dictionary.',
    safeToRetry: false,
  },
  case_number_required: {
    status: 400,
    title: 'Personal data needs a case',
    advice: 'Send X-Purpose-Code: INVESTIGATION and the number of the case in X-Case-Number.',
    safeToRetry: false,
  },
  unauthorized: {
    status: 401,
    title: 'A valid access token is required',
    advice: 'Send Authorization: Bearer <access_token> from /v1/login.',
    safeToRetry: true,
  },
  token_expired: {
    status: 401,
    title: 'The access token has expired',
    advice: 'Get a new one from /v1/refresh, then send the request again with the same Idempotency-Key.',
    safeToRetry: true,
  },
  api_key_required: {
    status: 401,
    title: 'A valid API key is required',
    advice: 'Send X-API-Key with the key that One Gate has issued to you, and X-Purpose-Code.',
    safeToRetry: false,
  },
  session_ended: {
    status: 401,
    title: 'This session has ended',
    advice: 'Log in again.',
    safeToRetry: true,
  },
  invalid_credentials: {
    status: 401,
    title: 'Identifier or password is wrong',
    advice: 'Check both. The API does not say which one is wrong.',
    safeToRetry: false,
  },
  invalid_refresh_token: {
    status: 401,
    title: 'The refresh token cannot be used',
    advice: 'Log in again. A refresh token works once; using an old one ends its session.',
    safeToRetry: false,
  },
  invalid_signature: {
    status: 401,
    title: 'The signature does not match',
    advice: 'Sign the raw body with the agreed key and algorithm, and send a current timestamp.',
    safeToRetry: false,
  },
  insufficient_funds: {
    status: 402,
    title: 'The balance does not cover the amount',
    advice: 'Top up, or pay less; use a new Idempotency-Key for the next attempt.',
    safeToRetry: false,
  },
  account_suspended: {
    status: 403,
    title: 'Your account is suspended',
    advice: 'Contact support.',
    safeToRetry: false,
  },
  account_closed: {
    status: 403,
    title: 'Your account is closed',
    advice: 'Money cannot be moved from or to a closed account.',
    safeToRetry: false,
  },
  payee_only: {
    status: 403,
    title: 'Only the payee can do this',
    advice: 'Ask the payee of the transaction to capture, void or refund it.',
    safeToRetry: false,
  },
  operator_only: {
    status: 403,
    title: 'Only operators can do this',
    advice: 'Ask an operator, or get the role from the owner of the database.',
    safeToRetry: false,
  },
  not_permitted: {
    status: 403,
    title: 'This key may not do that',
    advice: 'Ask One Gate for a key with the permission; the data dictionary says which is needed.',
    safeToRetry: false,
  },
  address_not_allowed: {
    status: 403,
    title: 'This address may not call here',
    advice: 'Call from one of the networks that the gateway lists for this address.',
    safeToRetry: false,
  },
  sender_unknown: {
    status: 403,
    title: 'Functions do not know the sender of this request',
    advice: 'Call the public address of the platform: functions answer its gateway, and the sources of their events.',
    safeToRetry: false,
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    advice: 'Check the address against /v1/openapi.json.',
    safeToRetry: false,
  },
  account_not_found: {
    status: 404,
    title: 'Your account does not exist',
    advice: 'Log in again; if it stays, contact support.',
    safeToRetry: false,
  },
  payee_not_found: {
    status: 404,
    title: 'No such payee',
    advice: 'Look the payee up with /v1/payees first.',
    safeToRetry: false,
  },
  transaction_not_found: {
    status: 404,
    title: 'No such transaction',
    advice: 'Use the id, transaction_id or operation_id of a transaction that you are a party to.',
    safeToRetry: false,
  },
  idempotency_key_not_found: {
    status: 404,
    title: 'No request with this key is known',
    advice:
      'A request that is still on its way may show up within 20 seconds. After that it has not happened, and may be ' +
      'sent again with the same key.',
    safeToRetry: true,
  },
  claim_not_found: {
    status: 404,
    title: 'The owner has not registered this address or number',
    advice: 'Compare the e-mail address or the phone number with what the owner has registered.',
    safeToRetry: false,
  },
  wallet_not_found: {
    status: 404,
    title: 'No such account',
    advice:
      "Name it by its id or by its owner's username; accounts of the platform itself can be frozen, but not changed.",
    safeToRetry: false,
  },
  api_key_not_found: {
    status: 404,
    title: 'No such API key',
    advice: 'Take the id from /v1/operator/api-keys.',
    safeToRetry: false,
  },
  external_service_not_found: {
    status: 404,
    title: 'No such external service',
    advice: 'For the first key of a service send company and contact_email as well.',
    safeToRetry: false,
  },
  report_not_found: {
    status: 404,
    title: 'No such report',
    advice: 'Request a new report with from and to.',
    safeToRetry: false,
  },
  freeze_not_found: {
    status: 404,
    title: 'No such freeze',
    advice: 'Take the id from /v1/operator/freezes?all=true.',
    safeToRetry: false,
  },
  method_not_allowed: {
    status: 405,
    title: 'This address does not know that method',
    advice: 'See the Allow header.',
    safeToRetry: false,
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive in time',
    advice: 'Send it whole within 30 seconds.',
    safeToRetry: true,
  },
  request_in_progress: {
    status: 409,
    title: 'The first request with this key is still running',
    advice: 'Wait as Retry-After says, then send the same request with the same key: you will get its answer.',
    safeToRetry: true,
  },
  transaction_not_pending: {
    status: 409,
    title: 'The transaction is no longer pending',
    advice: 'Read it again: it has already come to its end.',
    safeToRetry: false,
  },
  transaction_not_refundable: {
    status: 409,
    title: 'This transaction cannot be refunded',
    advice: 'Only a payment that has succeeded can be given back; see its type and status.',
    safeToRetry: false,
  },
  hold_expired: {
    status: 409,
    title: 'The hold has expired',
    advice: 'Ask the payer for a new one; nothing was captured.',
    safeToRetry: false,
  },
  receipt_not_available: {
    status: 409,
    title: 'The transaction has no receipt',
    advice: 'Only a SUCCESS transaction has a receipt. Check the status of the transaction.',
    safeToRetry: false,
  },
  account_not_empty: {
    status: 409,
    title: 'The account is not empty',
    advice: 'See balance, held and pending: an account can be closed when all three are zero.',
    safeToRetry: false,
  },
  account_closed_for_good: {
    status: 409,
    title: 'A closed account cannot be changed',
    advice: 'Its owner can register again. The old history stays readable.',
    safeToRetry: false,
  },
  too_many_keys: {
    status: 409,
    title: 'The service has two active keys',
    advice: 'Disable one of them first. At most two may be active during a rotation.',
    safeToRetry: false,
  },
  report_not_ready: {
    status: 409,
    title: 'The sums for a report do not exist yet',
    advice: 'Ask again as Retry-After says: the sums advance every minute.',
    safeToRetry: true,
  },
  already_registered: {
    status: 409,
    title: 'Registration is not possible with these details',
    advice: 'Choose another username, or log in if you have registered before.',
    safeToRetry: false,
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    advice: 'Bodies may have at most 64 kB.',
    safeToRetry: false,
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body must be plain application/json',
    advice: 'Send Content-Type: application/json without Content-Encoding.',
    safeToRetry: false,
  },
  invalid_request: {
    status: 422,
    title: 'Some fields of the request are not valid',
    advice: 'See errors. Each names its field by JSON pointer.',
    safeToRetry: false,
  },
  idempotency_key_reused: {
    status: 422,
    title: 'This key was used for another request',
    advice: 'See errors for the differences. Use a new key for a new payment.',
    safeToRetry: false,
  },
  cannot_pay_yourself: {
    status: 422,
    title: 'Payer and payee are the same account',
    advice: 'Choose another payee.',
    safeToRetry: false,
  },
  payee_unavailable: {
    status: 422,
    title: 'The payee cannot take payments now',
    advice: 'The payee has been suspended or has closed the account; contact them.',
    safeToRetry: false,
  },
  currency_mismatch: {
    status: 422,
    title: 'The accounts have different currencies',
    advice: 'Both sides of a movement must have the same currency.',
    safeToRetry: false,
  },
  balance_too_large: {
    status: 422,
    title: 'The receiving balance would be too large',
    advice: 'A wallet holds at most 9999999999999.99.',
    safeToRetry: false,
  },
  balance_limit_exceeded: {
    status: 422,
    title: 'The wallet may not hold that much',
    advice: 'See limit for the rule and its value; choose a smaller amount, or have the owner verified.',
    safeToRetry: false,
  },
  incoming_limit_exceeded: {
    status: 422,
    title: 'The wallet may not take in that much this month',
    advice: 'See limit for the rule and its value; choose a smaller amount, or wait for the next month (Asia/Jakarta).',
    safeToRetry: false,
  },
  capture_too_large: {
    status: 422,
    title: 'More would be captured than is held',
    advice: 'See limit; capture at most what is held, with a new Idempotency-Key.',
    safeToRetry: false,
  },
  refund_too_large: {
    status: 422,
    title: 'More would be refunded than was paid',
    advice: 'See limit for what was paid and what of it is left to refund.',
    safeToRetry: false,
  },
  payee_not_a_person: {
    status: 422,
    title: 'Transfers go to people',
    advice: 'Pay a merchant with /v1/pay.',
    safeToRetry: false,
  },
  payment_method_unavailable: {
    status: 422,
    title: 'This payment method is not available',
    advice: 'Choose another payment method.',
    safeToRetry: false,
  },
  provider_refused: {
    status: 422,
    title: 'The provider has refused the payment',
    advice: 'See detail; try another payment method or amount with a new key.',
    safeToRetry: false,
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    advice: 'All headers together may have at most 16 kB.',
    safeToRetry: false,
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    advice: 'Wait as Retry-After says.',
    safeToRetry: true,
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong on our side',
    advice: 'Quote the request_id to support. For money: send the same request with the same key again.',
    safeToRetry: true,
  },
  bad_gateway: {
    status: 502,
    title: 'The function could not be reached',
    advice: 'Send the same request with the same key again.',
    safeToRetry: true,
  },
  service_unavailable: {
    status: 503,
    title: 'Not available at the moment',
    advice: 'Wait as Retry-After says, then send the same request with the same key again.',
    safeToRetry: true,
  },
  money_frozen: {
    status: 503,
    title: 'Money does not move at the moment',
    advice: 'Wait as Retry-After says, then send the same request with the same key again. Reading still works.',
    safeToRetry: true,
  },
  outcome_unknown: {
    status: 503,
    title: 'We do not know yet whether this happened',
    advice: 'Send the same request with the same key again. You will learn the outcome, and it happens only once.',
    safeToRetry: true,
  },
  gateway_timeout: {
    status: 504,
    title: 'The function did not answer in time',
    advice: 'The outcome is unknown: send the same request with the same key again.',
    safeToRetry: true,
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problems;
export type { ProblemKind };
