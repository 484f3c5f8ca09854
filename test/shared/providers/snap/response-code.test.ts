import { expect, test } from '@jest/globals';
import { classifyResponse } from '../../../../shared/providers/snap/response-code.ts';

test.each([
  // HTTP status, responseCode, what it means
  [200, '2005400', { name: 'success' }],
  [202, '2025400', { name: 'unknown', reason: 'in_progress' }],
  [200, '2025400', { name: 'unknown', reason: 'in_progress' }],
  [400, '4005400', { name: 'refused', reason: 'bad_request' }],
  [400, '4005402', { name: 'refused', reason: 'invalid_mandatory_field' }],
  [401, '4015400', { name: 'refused', reason: 'unauthorized' }],
  [401, '4015401', { name: 'refresh_token' }],
  [401, '4015403', { name: 'refresh_token' }],
  [403, '4035402', { name: 'refused', reason: 'exceeds_transaction_amount_limit' }],
  [403, '4035414', { name: 'refused', reason: 'insufficient_funds' }],
  [403, '4035499', { name: 'refused', reason: 'refused_by_provider' }],
  [404, '4045401', { name: 'refused', reason: 'transaction_not_found' }],
  [200, '4045401', { name: 'refused', reason: 'transaction_not_found' }],
  [404, '4045418', { name: 'refused', reason: 'inconsistent_request' }],
  [405, '4055400', { name: 'refused', reason: 'function_not_supported' }],
  [409, '4095400', { name: 'new_external_id' }],
  [409, '4095401', { name: 'duplicate_reference' }],
  [429, '4295400', { name: 'unknown', reason: 'too_many_requests' }],
  [500, '5005400', { name: 'unknown', reason: 'provider_error' }],
  [500, '5005402', { name: 'unknown', reason: 'provider_error' }],
  [504, '5045400', { name: 'unknown', reason: 'provider_error' }],
])('HTTP %i with %s', (httpStatus, code, meaning) => {
  expect(classifyResponse('54', httpStatus, code)).toEqual({ ...meaning, code });
});

test.each([
  ['a success in an HTTP error', 404, '2005400', 'malformed_answer'],
  ['a refusal in an HTTP 500', 500, '4035402', 'provider_error'],
  ['the code of another service', 200, '2005500', 'malformed_answer'],
  ['no code at all', 200, undefined, 'malformed_answer'],
  ['a number for a code', 200, 2005400, 'malformed_answer'],
  ['a code that is too long', 200, '20054001', 'malformed_answer'],
  ['an unheard-of success', 200, '2005477', 'malformed_answer'],
  ["a gateway's page in place of an answer", 502, undefined, 'provider_error'],
  ["a gateway's 404", 404, undefined, 'malformed_answer'],
  ['a redirect', 302, undefined, 'malformed_answer'],
  ["a gateway's quota", 429, undefined, 'too_many_requests'],
])('%s is unknown, never a refusal', (_what, httpStatus, code, reason) => {
  expect(classifyResponse('54', httpStatus, code)).toMatchObject({ name: 'unknown', reason });
});
