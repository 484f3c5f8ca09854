// The fields of a report. The data dictionary is made from their descriptions.

import * as v from 'valibot';

const text = (meaning: string, ...examples: string[]) =>
  v.pipe(v.string(), v.description(meaning), v.examples(examples));
const count = (meaning: string) => v.pipe(v.number(), v.integer(), v.description(meaning));
const money = (meaning: string) =>
  v.pipe(v.string(), v.description(`${meaning}, in IDR, a decimal string.`), v.examples(['150000.00']));
const counted = { transactions: count('The number of transactions.'), amount: money('The sum of their amounts') };

const period = v.pipe(
  v.object({
    from: text('The first day.', '2026-10-01'),
    to: text('The last day, inclusive.', '2026-10-31'),
    time_zone: v.pipe(v.literal('Asia/Jakarta'), v.description('The time zone of the days.')),
    complete: v.pipe(v.boolean(), v.description('True if the cut is after the end of the period.')),
  }),
  v.description(
    'The period of the report. It counts transactions by the time of creation, and money by the time it moved.',
  ),
);

const cut = v.pipe(
  v.object({
    position: text('The report covers exactly the ledger’s entries before this transaction number.', '71204'),
    at: v.pipe(v.string(), v.isoTimestamp(), v.description('The time when the ledger reached the cut. UTC.')),
  }),
  v.description('The end of the part of the ledger that the report covers.'),
);

const float = v.pipe(
  v.object({
    owed: v.pipe(
      v.object({ people: money('In wallets of people'), merchants: money('In wallets of merchants') }),
      v.description('The creditors.'),
    ),
    held: v.pipe(
      v.record(v.string(), money('Held there')),
      v.description('The money at providers, by the name of the account in our books.'),
    ),
    suspense: money('Received but not credited yet, because it could not go to a wallet'),
    difference: money('Held less owed less suspense; zero if the books are right'),
  }),
  v.description('One Gate’s debts at the end of the period, against the money that providers held for it.'),
);

const notable = v.pipe(
  v.array(
    v.object({
      rule: text('Its name.', 'LARGE'),
      meaning: text('The meaning of the rule.'),
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
        v.description('Ten transactions at most.'),
      ),
    }),
  ),
  v.description('Large and unusual transactions that succeeded, by rules that look at the transaction alone.'),
);

const control = v.pipe(
  v.object({
    transactions: count('The total of `by_day`, of `by_type`, of `by_status` and of `by_method`.'),
    amount: money('The sum of their amounts'),
    legs: count('Legs of the ledger that moved money within the period.'),
    debits: money('The debits of those legs'),
    credits: money('The credits of those legs, equal to `debits` because the books are in double entry'),
    withheld: count(
      'Transactions of the period that are not open to regulators. Of the figures above, only the float and the legs ' +
        'include them.',
    ),
  }),
  v.description('Totals for checking that the report is complete.'),
);

export const reportSchema = v.pipe(
  v.object({
    id: v.pipe(
      v.string(),
      v.uuid(),
      v.description('The report’s id. The report of this id never changes, byte for byte.'),
    ),
    title: text('For people.'),
    period,
    cut,
    query_hash: text('SHA-256 of the query, in hex.'),
    code_version: text('The version of the code that computed the report.', 'report 1, regulator-report-00007'),
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
      v.description('Transactions by the day of creation.'),
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
          payment_method: v.pipe(
            v.nullable(v.string()),
            v.description('The method of a top-up. Null for other types.'),
          ),
          ...counted,
        }),
      ),
      v.description('By payment method.'),
    ),
    active_users: count('Users who were a party to a successful transaction of the period.'),
    failure_rates: v.pipe(
      v.array(
        v.object({
          type: text('As in `by_type`.'),
          ended: count('Transactions that are no longer PENDING.'),
          failed: count('The FAILED and CANCELLED ones among them.'),
          rate: text('`failed` divided by `ended`, a decimal with four places.', '0.0123'),
        }),
      ),
      v.description('The share of ended transactions that did not succeed.'),
    ),
    topups_and_outflow: v.pipe(
      v.object({
        topups: money('Money from providers into wallets of people'),
        outflow: money('Payments out of those wallets, less refunds'),
        net: money('`topups` less `outflow`'),
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
