// SNAP's responseCode: HTTP status (3 digits), service (2), case (2). It maps an answer to one of a few classes.

/** The standard's cases by HTTP status and case, in our words. */
const CASES: Record<string, string> = {
  '40000': 'bad_request',
  '40001': 'invalid_field_format',
  '40002': 'invalid_mandatory_field',
  '40100': 'unauthorized',
  '40101': 'invalid_token',
  '40102': 'invalid_customer_token',
  '40103': 'token_not_found',
  '40104': 'customer_token_not_found',
  '40300': 'transaction_expired',
  '40301': 'feature_not_allowed',
  '40302': 'exceeds_transaction_amount_limit',
  '40303': 'suspected_fraud',
  '40304': 'activity_count_limit_exceeded',
  '40305': 'do_not_honor',
  '40306': 'feature_not_allowed_at_this_time',
  '40307': 'card_blocked',
  '40308': 'card_expired',
  '40309': 'dormant_account',
  '40310': 'need_to_set_token_limit',
  '40311': 'otp_blocked',
  '40312': 'otp_lifetime_expired',
  '40313': 'otp_sent',
  '40314': 'insufficient_funds',
  '40315': 'transaction_not_permitted',
  '40316': 'transaction_suspended',
  '40317': 'token_limit_exceeded',
  '40318': 'inactive_account',
  '40319': 'merchant_blacklisted',
  '40320': 'merchant_limit_exceeded',
  '40321': 'set_limit_not_allowed',
  '40322': 'token_limit_invalid',
  '40323': 'account_limit_exceeded',
  '40400': 'invalid_transaction_status',
  '40401': 'transaction_not_found',
  '40402': 'invalid_routing',
  '40403': 'bank_not_supported',
  '40404': 'transaction_cancelled',
  '40405': 'merchant_not_registered',
  '40406': 'need_to_request_otp',
  '40407': 'journey_not_found',
  '40408': 'invalid_merchant',
  '40409': 'no_issuer',
  '40410': 'invalid_api_transition',
  '40411': 'invalid_account',
  '40412': 'invalid_bill',
  '40413': 'invalid_amount',
  '40414': 'paid_bill',
  '40415': 'invalid_otp',
  '40416': 'partner_not_found',
  '40417': 'invalid_terminal',
  '40418': 'inconsistent_request',
  '40419': 'expired_bill',
  '40500': 'function_not_supported',
  '40501': 'operation_not_allowed',
};

export type ResponseClass =
  | { name: 'success'; code: string }
  /** The outcome is not known yet: inquire. */
  | {
      name: 'unknown';
      reason: 'in_progress' | 'too_many_requests' | 'provider_error' | 'malformed_answer';
      code?: string;
    }
  | { name: 'refresh_token'; code: string }
  /** The external id was already used today. */
  | { name: 'new_external_id'; code: string }
  /** The provider knows the reference: inquire. */
  | { name: 'duplicate_reference'; code: string }
  | { name: 'refused'; reason: string; code: string };

/**
 * Classifies an answer of `service`. An HTTP status and a code that contradict each other make the outcome unknown. The
 * exception is a refusal in an HTTP 200, which some providers send.
 */
export function classifyResponse(service: string, httpStatus: number, responseCode: unknown): ResponseClass {
  const parts = typeof responseCode === 'string' ? /^(\d{3})(\d{2})(\d{2})$/.exec(responseCode) : null;
  if (!parts || parts[2] !== service) return withoutCode(httpStatus);
  const code = parts[0];
  const status = Number(parts[1]);
  const sub = parts[3] as string;
  if (httpStatus >= 500 || status >= 500) return { name: 'unknown', reason: 'provider_error', code };
  if (status !== httpStatus && httpStatus !== 200) return { name: 'unknown', reason: 'malformed_answer', code };
  if (status === 200)
    return sub === '00' ? { name: 'success', code } : { name: 'unknown', reason: 'malformed_answer', code };
  if (status === 202) return { name: 'unknown', reason: 'in_progress', code };
  if (status === 429) return { name: 'unknown', reason: 'too_many_requests', code };
  if (status === 401 && (sub === '01' || sub === '03')) return { name: 'refresh_token', code };
  if (status === 409 && sub === '00') return { name: 'new_external_id', code };
  if (status === 409 && sub === '01') return { name: 'duplicate_reference', code };
  if (status < 400) return { name: 'unknown', reason: 'malformed_answer', code };
  return { name: 'refused', reason: CASES[`${status}${sub}`] ?? 'refused_by_provider', code };
}

function withoutCode(httpStatus: number): ResponseClass {
  if (httpStatus === 429) return { name: 'unknown', reason: 'too_many_requests' };
  return { name: 'unknown', reason: httpStatus >= 500 ? 'provider_error' : 'malformed_answer' };
}
