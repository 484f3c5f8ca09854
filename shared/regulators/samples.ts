// Sample files for developers of a regulator's client. The same code makes them as the real ones, from invented
// figures.

import { type Hashed, nextHash } from './access-chain.ts';
import { CSV_HEAD, type RegulatedTransaction } from './record.ts';
import { reportOf } from './report.ts';
import { reportCsv } from './report-csv.ts';
import { reportPage } from './report-page.ts';

const MASKED = { description: null, user_identity: null, counterparty_identity: null };

const TRANSACTIONS: RegulatedTransaction[] = [
  {
    id: '019a9c2e-7628-7abc-8def-012345678901',
    transaction_id: 'PAY-019A9C2E76287ABC8DEF012345678901',
    operation_id: '019a9c2e-7628-7abc-8def-012345678900',
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction: 'debit',
    amount: '25000.00',
    currency: 'IDR',
    balance_before: '100000.00',
    balance_after: '75000.00',
    payment_method: null,
    account_id: '019a9c2d-1111-7000-8000-00000000a001',
    user_id: '6a1f7c52-7c2b-4c55-9c1e-8d5f0f2b7a10',
    user_name: 's**i r****u',
    user_type: 'user',
    counterparty_account_id: '019a9c2d-2222-7000-8000-00000000b001',
    counterparty_user_id: '0d7a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6',
    counterparty_name: 'w****g s**i',
    counterparty_type: 'merchant',
    external_reference: 'INV-2026-0815',
    refund_of: null,
    created_at: '2026-11-20T04:05:06.792Z',
    updated_at: '2026-11-20T04:05:06.795Z',
    ...MASKED,
  },
  {
    id: '019a9c30-0a0b-7abc-8def-0123456789a2',
    transaction_id: 'TOP-019A9C300A0B7ABC8DEF0123456789A2',
    operation_id: '019a9c30-0a0b-7abc-8def-0123456789a0',
    type: 'TOPUP',
    status: 'PENDING',
    direction: 'credit',
    amount: '500000.00',
    currency: 'IDR',
    balance_before: '75000.00',
    balance_after: '75000.00',
    payment_method: 'GOPAY',
    account_id: '019a9c2d-1111-7000-8000-00000000a001',
    user_id: '6a1f7c52-7c2b-4c55-9c1e-8d5f0f2b7a10',
    user_name: 's**i r****u',
    user_type: 'user',
    counterparty_account_id: null,
    counterparty_user_id: null,
    counterparty_name: null,
    counterparty_type: null,
    external_reference: null,
    refund_of: null,
    created_at: '2026-11-20T04:06:49.931Z',
    updated_at: '2026-11-20T04:06:49.934Z',
    ...MASKED,
  },
];

const ACCESSES: Hashed[] = [200, 429].map((status, place) => ({
  id: `019a9c31-0000-7000-8000-00000000000${place + 1}`,
  gateway_request_id: `2f6946328ffc4946b8c9120704a4a15${place}`,
  external_service_id: '019a9c2c-0000-7000-8000-000000000001',
  api_key_id: '019a9c2c-0000-7000-8000-000000000002',
  endpoint: '/v1/regulator/transactions',
  query: 'type=TOPUP&limit=100',
  http_method: 'GET',
  ip_address: '203.0.113.7',
  user_agent: 'curl/8.5.0',
  response_status: status,
  problem_code: status === 200 ? null : 'rate_limited',
  purpose_code: 'SUPERVISION',
  case_number: null,
  requests: 1,
  created_at: `2026-11-20T04:10:0${place}.123456Z`,
}));

function report() {
  const counted = { day: '2026-11-20', accessible: true } as const;
  const day = '2026-11-20';
  return reportOf(
    {
      id: '019a9c40-0000-7000-8000-000000000001',
      period: { from: day, to: day },
      cut: { position: '71204', at: new Date('2026-11-21T00:01:00Z') },
      codeVersion: 'report 1, regulator-report-00001',
    },
    {
      totals: [
        { ...counted, type: 'PAYMENT', status: 'SUCCESS', payment_method: null, transactions: '1', amount: '25000.00' },
        {
          ...counted,
          type: 'TOPUP',
          status: 'SUCCESS',
          payment_method: 'GOPAY',
          transactions: '1',
          amount: '100000.00',
        },
        {
          ...counted,
          type: 'TOPUP',
          status: 'PENDING',
          payment_method: 'GOPAY',
          transactions: '1',
          amount: '500000.00',
        },
      ],
      flows: [
        {
          holder: 'clearing:gopay',
          type: 'TOPUP',
          legs: '1',
          debits: '100000.00',
          credits: '0.00',
          standing: '-100000.00',
        },
        { holder: 'people', type: 'TOPUP', legs: '1', debits: '0.00', credits: '100000.00', standing: '100000.00' },
        { holder: 'people', type: 'PAYMENT', legs: '1', debits: '25000.00', credits: '0.00', standing: '-25000.00' },
        { holder: 'merchants', type: 'PAYMENT', legs: '1', debits: '0.00', credits: '25000.00', standing: '25000.00' },
      ],
      activeUsers: 2,
      notable: [],
      examples: [],
    },
  );
}

function csv(): string {
  const names = CSV_HEAD.split(',') as (keyof RegulatedTransaction)[];
  const lines = TRANSACTIONS.map((record) => names.map((name) => String(record[name] ?? '')).join(','));
  return [CSV_HEAD, ...lines].map((line) => `${line}\r\n`).join('');
}

function accessLog(): string {
  let before: Buffer = Buffer.alloc(0);
  const entries = ACCESSES.map((access, place) => {
    before = nextHash(before, access);
    return { ...access, number: String(place + 1), hash: before.toString('hex') };
  });
  return JSON.stringify({ data: entries, next_cursor: null }, null, 2);
}

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv; charset=utf-8';

/** By file name. Each sample is made on request. */
export const SAMPLES: Readonly<Record<string, { contentType: string; make(): string }>> = {
  'transactions.json': {
    contentType: JSON_TYPE,
    make: () => JSON.stringify({ data: TRANSACTIONS, next_cursor: null }, null, 2),
  },
  'transactions.ndjson': {
    contentType: 'application/x-ndjson',
    make: () => TRANSACTIONS.map((record) => `${JSON.stringify(record)}\n`).join(''),
  },
  'transactions.csv': { contentType: CSV_TYPE, make: csv },
  'report.json': { contentType: JSON_TYPE, make: () => JSON.stringify(report(), null, 2) },
  'report.csv': { contentType: CSV_TYPE, make: () => reportCsv(report()) },
  'report.html': { contentType: 'text/html; charset=utf-8', make: () => reportPage(report()).text },
  'access-log.json': { contentType: JSON_TYPE, make: accessLog },
};
