// What a report says, field by field; the data dictionary is made of it.

import * as v from 'valibot';

const text = (meaning: string, ...examples: string[]) =>
  v.pipe(v.string(), v.description(meaning), v.examples(examples));
const count = (meaning: string) => v.pipe(v.number(), v.integer(), v.description(meaning));
const money = (meaning: string) =>
  v.pipe(v.string(), v.description(`${meaning}, in IDR, a decimal string.`), v.examples(['150000.00']));
const counted = { transactions: count('How many.'), amount: money('Their amounts together') };

const period = v.pipe(
  v.object({
    from: text('The first day.', '2026-10-01'),
    to: text('The last day, included.', '2026-10-31'),
    time_zone: v.pipe(v.literal('Asia/Jakarta'), v.description('Whose days they are.')),
    complete: v.pipe(v.boolean(), v.description('Whether the cut lies behind the end of the period.')),
  }),
  v.description('What the report is about: transactions by the time they were created, money by the time it moved.'),
);

const cut = v.pipe(
  v.object({
    position: text('Everything in the ledger before this transaction number, and nothing else.', '71204'),
    at: v.pipe(v.string(), v.isoTimestamp(), v.description('When the ledger was read up to there. UTC.')),
  }),
  v.description('Up to where the ledger was read.'),
);

const float = v.pipe(
  v.object({
    owed: v.pipe(
      v.object({ people: money('In wallets of people'), merchants: money('In wallets of merchants') }),
      v.description('To whom.'),
    ),
    held: v.pipe(
      v.record(v.string(), money('Held there')),
      v.description('With providers, by the name of the account in our books.'),
    ),
    suspense: money('Paid to us and not yet given to anybody: it could not go to a wallet'),
    difference: money('Held less owed less suspense: zero, or something is wrong'),
  }),
  v.description('What One Gate owed at the end of the period, against what providers held for it.'),
);

const notable = v.pipe(
  v.array(
    v.object({
      rule: text('Its name.', 'LARGE'),
      meaning: text('What it points at.'),
      ...counted,
      largest: v.pipe(
        v.array(
          v.object({
            transaction_id: text('As in the list of transactions.'),
            account_id: text('As in the list of transactions.'),
            type: text('As in the list of transactions.'),
            amount: money('How much'),
            created_at: text('UTC.'),
          }),
        ),
        v.description('Ten of them at most.'),
      ),
    }),
  ),
  v.description('Large and unusual transactions that succeeded, by rules that look at the transaction alone.'),
);

const control = v.pipe(
  v.object({
    transactions: count('All of `by_day`, of `by_type`, of `by_status` and of `by_method`.'),
    amount: money('Their amounts together'),
    legs: count('Legs of the ledger that moved money within the period.'),
    debits: money('Of those legs'),
    credits: money('Of those legs; equal to `debits`, since the books are kept in double entry'),
    withheld: count(
      'Transactions of the period that are not open to regulators. They are in none of the figures above but the float and the legs.',
    ),
  }),
  v.description('For checking that nothing was lost on the way.'),
);

export const reportSchema = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.uuid(), v.description('Ask for it again by this id: it is the same, byte for byte.')),
    title: text('For people.'),
    period,
    cut,
    query_hash: text('SHA-256 of what was asked for, in hex.'),
    code_version: text('What computed it.', 'report 1, regulator-report-00007'),
    by_day: v.pipe(
      v.array(
        v.object({
          day: text('Asia/Jakarta.', '2026-10-01'),
          ...counted,
          succeeded: count('SUCCESS.'),
          failed: count('FAILED and CANCELLED.'),
          pending: count('PENDING at the cut.'),
        }),
      ),
      v.description('Transactions by the day they were created on.'),
    ),
    by_type: v.pipe(
      v.array(v.object({ type: text('TOPUP, PAYMENT, REFUND or TRANSFER.'), ...counted })),
      v.description('By type.'),
    ),
    by_status: v.pipe(
      v.array(v.object({ status: text('SUCCESS, PENDING, FAILED or CANCELLED, at the cut.'), ...counted })),
      v.description('By status.'),
    ),
    by_method: v.pipe(
      v.array(
        v.object({
          payment_method: v.pipe(v.nullable(v.string()), v.description('Of top-ups; null of all others.')),
          ...counted,
        }),
      ),
      v.description('By payment method.'),
    ),
    active_users: count('Users who were a party to a transaction of the period that succeeded.'),
    failure_rates: v.pipe(
      v.array(
        v.object({
          type: text('As in `by_type`.'),
          ended: count('Those that are no longer PENDING.'),
          failed: count('FAILED and CANCELLED of those.'),
          rate: text('One by the other, a decimal with four places.', '0.0123'),
        }),
      ),
      v.description('What did not succeed of what has ended.'),
    ),
    topups_and_outflow: v.pipe(
      v.object({
        topups: money('What came into wallets of people from providers'),
        outflow: money('What left them by payments, refunds taken off'),
        net: money('The one less the other'),
      }),
      v.description('Money that moved within the period.'),
    ),
    float,
    notable,
    control,
  }),
  v.title('RegulatorReport'),
);
export type Report = v.InferOutput<typeof reportSchema>;
