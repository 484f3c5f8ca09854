// What has happened when a code is answered: the explanation that the titles of the catalogue are too short for.

import type { ProblemCode } from '../platform/http/problems.ts';

/** The compiler refuses this file until every code has an explanation. */
export const meanings = {
  malformed_json: 'The body could not be read as JSON in UTF-8, or it ended early. Nothing was done.',
  malformed_request:
    'What came over the connection could not be read as HTTP, so that no function has seen it. Nothing was done.',
  cloudevent_refused:
    'The request carries headers that mark it as an event. Events come from inside the platform only, so it was refused before anything else was looked at.',
  idempotency_key_missing:
    'This operation moves money, and without a key nobody could tell a retry from a second payment. Nothing was done.',
  idempotency_key_invalid:
    'The Idempotency-Key came twice, is empty or too long, or holds characters that cannot be kept. Nothing was done.',
  invalid_cursor:
    'A cursor belongs to the list and the filters that it came with. This one was changed, cut off, or used with other filters.',
  purpose_required:
    'Regulators say with every request what it is for; the access log keeps it. X-Purpose-Code was missing or held no code that we know.',
  case_number_required:
    'Personal data was asked for without a case. The purpose must be INVESTIGATION, and X-Case-Number must name the case.',
  api_key_required:
    'X-API-Key was missing, mistyped, not one of ours, disabled or expired. What is wrong is said in the detail, unless the gateway has answered.',
  not_permitted: 'The key is good, but what was asked for is not among its permissions.',
  api_key_not_found: 'No API key has this id.',
  external_service_not_found:
    'No external service is known to the gateway’s configuration under this name, and the request did not say enough to make one.',
  report_not_found: 'No report of yours has this id.',
  too_many_keys: 'A service has at most two keys that work: the one it uses, and the one it changes to.',
  report_not_ready:
    'The sums that reports are made of are brought forward every minute, up to where nothing can change any more. This has not happened here yet.',
  unauthorized: 'There was no Authorization header, or its token is not one that this platform has signed.',
  token_expired:
    'Access tokens are valid for 15 minutes. This one was good once; the session it belongs to may well still be.',
  session_ended:
    'Somebody logged out, or a refresh token was used a second time, and with that every token of the session stopped working.',
  invalid_credentials: 'No account has this identifier together with this password.',
  invalid_refresh_token:
    'The refresh token is unknown, older than 7 days, or was used before. When it was used before, the whole session has been ended, since one of the two users must be a stranger.',
  invalid_signature:
    "The signature does not belong to these bytes, or its timestamp is too far from our clock. This answer is for providers' own calls.",
  insufficient_funds:
    'When the accounts were locked, what the wallet could spend was less than the amount. No money has moved.',
  account_suspended:
    'The wallet exists and keeps its balance, but neither pays nor is paid until the suspension is lifted; refunds, and top-ups that are already paid, still come in.',
  account_closed: 'The wallet has been closed for good. Its history can still be read.',
  payee_only:
    'You are the payer of this transaction. What was paid or held is given back, captured or given up by whoever it is for.',
  operator_only:
    'The access token is good, but its user does not have the role of an operator, or has lost it. The attempt was noted.',
  address_not_allowed:
    'The gateway lets this address be called from certain networks only, and the request came from another one. No function has seen it.',
  sender_unknown:
    'A function was called past the gateway, or the gateway does not prove itself as the function expects. Nothing was done. Behind the public address nobody meets this.',
  not_found: 'No function answers at this address.',
  account_not_found: 'The access token is good, but the wallet that it names is not there.',
  payee_not_found:
    'Nobody who can be paid has this username, account id or phone number. A number that is registered but was not proven to be theirs finds nobody.',
  transaction_not_found:
    'There is no transaction with this id, or you are not a party to it: the two are not told apart, so that ids cannot be guessed.',
  idempotency_key_not_found:
    'Keys belong to the account that used them and are kept for 30 days. Nothing is kept under this one: no request with it has reached the ledger, it was refused before it got there (400, 401, 403, 404, 422 of its fields, 429), or it is older.',
  claim_not_found:
    'An operator has confirmed an e-mail address or a phone number that the owner of the account has not registered. Nothing was changed.',
  wallet_not_found:
    'An operator has named an account that does not exist, or asked to change one of the platform itself.',
  freeze_not_found: 'Nothing was ever frozen under this id.',
  method_not_allowed: 'The address exists and answers other methods.',
  request_timeout: 'The request began but was not complete within 30 seconds. Nothing was done.',
  account_not_empty:
    'Something is there (`balance`), promised (`held`), or on its way (`pending`). Nothing was changed.',
  account_closed_for_good: 'An operator has tried to change an account that was closed. Closing is final.',
  request_in_progress:
    'Two requests with the same Idempotency-Key are on their way at once, and the first has not come to its end within two seconds. Only the first one acts.',
  transaction_not_pending:
    'The transaction has succeeded, failed or been cancelled in the meantime, so it can no longer be changed.',
  transaction_not_refundable:
    'It is not a payment (transfers and top-ups cannot be refunded), or it has not succeeded: a hold is voided instead.',
  hold_expired:
    'The time that the payer has agreed to is over. The money is the payer’s again, at the latest within a minute.',
  receipt_not_available:
    'A receipt states for good that money has moved. This transaction is still on its way, or it has failed or was cancelled.',
  already_registered:
    'The username is in use. E-mail addresses and phone numbers never clash: who has registered one is told to nobody.',
  payload_too_large: 'The body is larger than any request of this API needs to be, and was not read to its end.',
  unsupported_media_type: 'The body is compressed, or its Content-Type is not application/json. It was not read.',
  invalid_request:
    'The request was understood, but some of its fields are missing, unknown, or not of the form the reference describes. Nothing was done.',
  idempotency_key_reused:
    'A key stands for one request. This one has been used for a request with other contents or for another function, whose answer is kept. This request did nothing.',
  cannot_pay_yourself: 'The payee is the wallet that pays. No money has moved.',
  payee_unavailable: 'The payee exists, but the wallet is suspended or closed. No money has moved.',
  currency_mismatch: 'Payer and payee hold different currencies, and One Gate does not convert. No money has moved.',
  balance_too_large: 'The receiving wallet would hold more than a wallet can. No money has moved.',
  balance_limit_exceeded:
    'A person’s wallet is e-money, and the law limits how much of it one may hold; what is on its way in counts as well. What was left of the limit is told to the owner alone. No money has moved.',
  incoming_limit_exceeded:
    'A person’s wallet is e-money, and the law limits how much may come in during a calendar month; refunds do not count, what is on its way in does. No money has moved.',
  capture_too_large: 'A hold is captured once, in whole or in part, and never beyond its amount. No money has moved.',
  refund_too_large:
    'All refunds of a payment together may reach its amount and not more. An earlier refund may be one that you have not seen the answer of: read the payment’s refunds first. No money has moved.',
  payee_not_a_person:
    'The wallet belongs to a merchant, and merchants are paid, not transferred to. No money has moved.',
  payment_method_unavailable: 'The provider is not connected to this platform, or has been switched off for now.',
  provider_refused:
    'The provider was asked and said no: the amount is outside its limits, or the order is not one it takes. No money has moved.',
  headers_too_large:
    'The headers were not read to their end, so that no function has seen the request. Nothing was done.',
  rate_limited:
    'More requests came from this user or address than a minute, or the quota of this operation, allows. The request was not looked at.',
  internal_error:
    'We have a fault and it has been logged. It may have struck after the work was done, so do not take it for a failure.',
  bad_gateway: 'The gateway could not get an answer from the function: it was starting, stopping or has crashed.',
  service_unavailable:
    'Something this operation cannot do without is away, or there are more requests than can be taken in. Nothing was done.',
  money_frozen:
    'The operators have stopped all movement of money, that of one of the accounts, or this operation. Nothing was done, and nothing was kept under the key.',
  outcome_unknown:
    'The database or a provider did not confirm in time whether the money has moved. It will be found out; the key keeps it from moving twice.',
  gateway_timeout: 'The function took longer than the gateway waits. It may still be at work.',
} as const satisfies Record<ProblemCode, string>;
