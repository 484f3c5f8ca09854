// The explanation of each error code, longer than the catalogue's titles: what has happened.

import type { ProblemCode } from '../platform/http/problems.ts';

/** The compiler refuses this file until every code has an explanation. */
export const meanings = {
  malformed_json: 'The body could not be read as JSON in UTF-8, or it ended early. Nothing was done.',
  malformed_request:
    'The connection’s bytes could not be read as HTTP, so no function has seen the request. Nothing was done.',
  cloudevent_refused:
    'The request carries headers that mark it as an event. Events come from inside the platform only, so the request ' +
    'was refused before any other check.',
  idempotency_key_missing:
    'This operation moves money, and without a key we could not tell a retry from a second payment. Nothing was done.',
  idempotency_key_invalid:
    'The Idempotency-Key came twice, is empty or too long, or contains characters that are not allowed. Nothing was ' +
    'done.',
  invalid_cursor:
    'A cursor belongs to one list with its filters. This one was changed, cut off, or used with other filters.',
  purpose_required:
    'Regulators state the purpose of every request, and the access log keeps it. X-Purpose-Code was missing or is ' +
    'not a known code.',
  case_number_required:
    'The request asks for personal data without a case. The purpose must be INVESTIGATION, and X-Case-Number must ' +
    'name the case.',
  api_key_required:
    'X-API-Key was missing, mistyped, not one of ours, disabled or expired. The detail names the fault, unless the ' +
    'gateway has answered.',
  not_permitted: 'The key is valid, but does not have the permission for this request.',
  api_key_not_found: 'No API key has this id.',
  external_service_not_found:
    'No external service has this name in the gateway’s configuration, and the request lacks the fields for creating ' +
    'one.',
  report_not_found: 'You have no report with this id.',
  too_many_keys: 'A service has at most two active keys: the present one and its successor.',
  report_not_ready: 'Reports are made from sums that a schedule computes every minute. It has not run here yet.',
  unauthorized: 'There was no Authorization header, or this platform has not signed its token.',
  token_expired: 'Access tokens are valid for 15 minutes. This one has expired, but its session may still be open.',
  session_ended:
    'The user logged out, or a refresh token was used a second time. Since then no token of the session works.',
  invalid_credentials: 'No account has this identifier with this password.',
  invalid_refresh_token:
    'The refresh token is unknown, older than 7 days, or was used before. In the last case the whole session has ' +
    'ended, because one of the two users must be a stranger.',
  invalid_signature:
    'The signature does not belong to these bytes, or its timestamp is too far from our clock. This answer is for ' +
    "providers' own calls.",
  insufficient_funds:
    'The wallet’s available balance was less than the amount when the accounts were locked. No money has moved.',
  account_suspended:
    'The wallet keeps its balance, but cannot pay or be paid until the suspension is lifted. It still receives ' +
    'refunds and paid top-ups.',
  account_closed: 'The wallet has been closed for good. Its history can still be read.',
  payee_only: 'You are the payer of this transaction. Only its payee can refund a payment, or capture or void a hold.',
  operator_only:
    'The access token is valid, but its user does not have the role of an operator. The attempt was logged.',
  address_not_allowed:
    'The gateway accepts calls to this address from certain networks only, and the request came from another one. No ' +
    'function has seen it.',
  sender_unknown:
    'The request reached a function past the gateway, or the gateway’s proof is not the one that the function expects. ' +
    'Nothing was done. Calls of the public address never get this answer.',
  not_found: 'No function answers at this address.',
  account_not_found: 'The access token is valid, but its wallet does not exist.',
  payee_not_found:
    'No user or merchant has this username, account id or phone number. A registered number that is not proven yet ' +
    'does not count.',
  transaction_not_found:
    'There is no transaction with this id, or you are not a party to it: the answer is the same for both, so that ' +
    'ids cannot be guessed.',
  idempotency_key_not_found:
    'Keys belong to the account that used them and are kept for 30 days. This one is not known: no request with it ' +
    'has reached the ledger, the request was refused before (400, 401, 403, 404, 422 for its fields, 429), or the ' +
    'key is older.',
  claim_not_found:
    'An operator tried to confirm an e-mail address or a phone number that the owner of the account has not ' +
    'registered. Nothing was changed.',
  wallet_not_found: 'The account does not exist, or it belongs to the platform itself and cannot be changed.',
  freeze_not_found: 'No freeze has ever had this id.',
  method_not_allowed: 'The address exists, but does not accept this method.',
  request_timeout: 'The request was not complete within 30 seconds. Nothing was done.',
  account_not_empty:
    'The account has money (`balance`), open holds (`held`) or pending credits (`pending`). Nothing was changed.',
  account_closed_for_good: 'An operator tried to change a closed account. Closing is final.',
  request_in_progress:
    'Two requests with the same Idempotency-Key run at once, and the first has not ended within two seconds. Only ' +
    'the first one acts.',
  transaction_not_pending:
    'The transaction has succeeded, failed or been cancelled meanwhile, so it can no longer change.',
  transaction_not_refundable:
    'The transaction is not a payment (transfers and top-ups cannot be refunded), or it has not succeeded. Void a ' +
    'hold instead.',
  hold_expired: 'The hold’s time is over. The payer can spend the money again within a minute at the latest.',
  receipt_not_available:
    'A receipt is final proof that money has moved. This transaction is pending, failed or cancelled.',
  already_registered:
    'The username is in use. E-mail addresses and phone numbers never clash, so that they do not reveal who is ' +
    'registered.',
  payload_too_large: 'The body is larger than any request of this API needs. It was not read to its end.',
  unsupported_media_type: 'The body is compressed, or its Content-Type is not application/json. It was not read.',
  invalid_request:
    'Some fields of the request are missing, unknown, or not of the form in the reference. Nothing was done.',
  idempotency_key_reused:
    'A key stands for one request. This one belongs to a request with other contents or to another function, whose ' +
    'answer is kept. This request did nothing.',
  cannot_pay_yourself: 'The payee is the payer’s own wallet. No money has moved.',
  payee_unavailable: 'The payee exists, but the wallet is suspended or closed. No money has moved.',
  currency_mismatch: 'Payer and payee hold different currencies, and One Gate does not convert. No money has moved.',
  balance_too_large: 'The receiving wallet would hold more than a wallet can. No money has moved.',
  balance_limit_exceeded:
    'A person’s wallet is e-money, and the law limits its balance. Pending top-ups count as well. Only the owner ' +
    'sees how much of the limit is left. No money has moved.',
  incoming_limit_exceeded:
    'A person’s wallet is e-money, and the law limits how much it may receive in a calendar month. Pending top-ups ' +
    'count, refunds do not. No money has moved.',
  capture_too_large:
    'A hold is captured once, in whole or in part, and never for more than its amount. No money has moved.',
  refund_too_large:
    'All refunds of a payment together cannot exceed its amount. An earlier refund may have succeeded although you ' +
    'lost its answer: read the payment’s refunds first. No money has moved.',
  payee_not_a_person:
    'The wallet belongs to a merchant. Merchants are paid, and transfers go to people. No money has moved.',
  payment_method_unavailable: 'The provider is not connected to this platform, or is switched off at the moment.',
  provider_refused:
    'The provider refused: the amount is outside its limits, or it does not accept the order. No money has moved.',
  headers_too_large: 'The headers were not read to their end, so no function has seen the request. Nothing was done.',
  rate_limited:
    'This user or address has sent more requests than allowed in a minute, or by the quota of this operation. The ' +
    'request was not read.',
  internal_error:
    'We made a mistake, and it has been logged. It may have happened after the work was done, so do not assume ' +
    'failure.',
  bad_gateway: 'The gateway could not get an answer from the function: it was starting, stopping or has crashed.',
  service_unavailable:
    'A service that this operation needs is not available, or there are too many requests. Nothing was done.',
  money_frozen:
    'The operators have frozen all money, one of the accounts, or this operation. Nothing was done, and the key is ' +
    'still unused.',
  outcome_unknown:
    'The database or a provider did not confirm in time whether the money has moved. We will find out. The key keeps ' +
    'it from moving twice.',
  gateway_timeout: 'The function took longer than the gateway waits. It may still be running.',
} as const satisfies Record<ProblemCode, string>;
