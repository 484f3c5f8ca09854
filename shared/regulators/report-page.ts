// A report as a page to read and print: the figures in sentences and tables, the days as a chart. No scripts.

import { type Html, html, textPage } from '../documentation/html.ts';
import { parseAmount } from '../money.ts';
import type { Report } from './report-schema.ts';

const count = new Intl.NumberFormat('en-US');

export function reportPage(report: Report): { text: string; headers: Record<string, string> } {
  return textPage(report.title, content(report));
}

function content(report: Report): Html {
  const { period, cut, control, float, topups_and_outflow: flow } = report;
  return html`
<h1>${report.title}</h1>
<p class="facts">Days in ${period.time_zone}. ${period.complete ? 'The period is over.' : 'The period is not over, or was not when this was made.'}
Cut at ledger position ${cut.position}, ${cut.at}. Report ${report.id}.</p>

<h2>In short</h2>
<ul>
<li>${count.format(control.transactions)} transactions of ${rupiah(control.amount)}; ${count.format(control.withheld)} more are not open to regulators.</li>
<li>${count.format(report.active_users)} active users.</li>
<li>${rupiah(flow.topups)} came into wallets, ${rupiah(flow.outflow)} left them for merchants: ${rupiah(flow.net)} net.</li>
<li>One Gate owed ${rupiah(float.owed.people)} to people and ${rupiah(float.owed.merchants)} to merchants. The difference to what providers held is ${rupiah(float.difference)}.</li>
</ul>

<h2>By day</h2>
${chart(report.by_day)}
${table(
  ['Day', 'Transactions', 'Amount', 'Succeeded', 'Failed', 'Pending'],
  report.by_day.map((row) => [
    row.day,
    count.format(row.transactions),
    rupiah(row.amount),
    count.format(row.succeeded),
    count.format(row.failed),
    count.format(row.pending),
  ]),
)}

<h2>By type</h2>
${bars(report.by_type.map(({ type, amount }) => [type, amount]))}
${table(
  ['Type', 'Transactions', 'Amount', 'Failed of those that ended'],
  report.by_type.map(({ type, transactions, amount }) => {
    const failure = report.failure_rates.find((each) => each.type === type);
    return [type, count.format(transactions), rupiah(amount), percent(failure?.rate ?? '0')];
  }),
)}

<h2>By status and method</h2>
${table(
  ['Status', 'Transactions', 'Amount'],
  report.by_status.map((row) => [row.status, count.format(row.transactions), rupiah(row.amount)]),
)}
${table(
  ['Method', 'Transactions', 'Amount'],
  report.by_method.map((row) => [row.payment_method ?? 'none', count.format(row.transactions), rupiah(row.amount)]),
)}

<h2>Float</h2>
<p>What One Gate owed at the end of the period, against what providers held for it.</p>
${table(
  ['', 'Amount'],
  [
    ['Owed to people', rupiah(float.owed.people)],
    ['Owed to merchants', rupiah(float.owed.merchants)],
    ['In suspense', rupiah(float.suspense)],
    ...Object.entries(float.held).map(([name, amount]) => [`Held: ${name}`, rupiah(amount)]),
    ['Difference', rupiah(float.difference)],
  ],
)}

<h2>Large and unusual</h2>
${report.notable.map(
  (rule) => html`
<h3>${rule.rule}: ${rule.meaning}</h3>
<p>${count.format(rule.transactions)} transactions of ${rupiah(rule.amount)}.</p>
${
  rule.largest.length === 0
    ? html``
    : table(
        ['Transaction', 'Account', 'Type', 'Amount', 'Created'],
        rule.largest.map((each) => [
          each.transaction_id,
          each.account_id,
          each.type,
          rupiah(each.amount),
          each.created_at,
        ]),
      )
}`,
)}

<h2>Control totals</h2>
${table(
  ['', ''],
  [
    ['Transactions', count.format(control.transactions)],
    ['Amount', rupiah(control.amount)],
    ['Not open to regulators', count.format(control.withheld)],
    ['Legs that moved money', count.format(control.legs)],
    ['Debits', rupiah(control.debits)],
    ['Credits', rupiah(control.credits)],
    ['Query', report.query_hash],
    ['Code', report.code_version],
  ],
)}`;
}

function rupiah(amount: string): string {
  const minor = parseAmount(amount);
  const cents = String((minor < 0n ? -minor : minor) % 100n).padStart(2, '0');
  return `${minor < 0n ? '−' : ''}Rp ${count.format((minor < 0n ? -minor : minor) / 100n)}.${cents}`;
}

function percent(rate: string): string {
  return `${(Number(rate) * 100).toFixed(2)} %`;
}

function table(head: string[], rows: string[][]): Html {
  return html`<table>
<thead><tr>${head.map((cell) => html`<th>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table>`;
}

const WIDTH = 720;
const HEIGHT = 160;
const WIDEST_BAR = 48;

/** A bar per day: successful transactions, and on top the failed and pending ones. */
function chart(days: Report['by_day']): Html {
  if (days.length === 0) return html`<p>There were none.</p>`;
  const most = Math.max(...days.map(({ transactions }) => transactions), 1);
  const step = WIDTH / days.length;
  const width = Math.min(step * 0.8, WIDEST_BAR);
  const height = (value: number) => (value / most) * HEIGHT;
  const bar = (place: number, from: number, value: number, color: string, title: string) => {
    const top = (HEIGHT - height(from) - height(value)).toFixed(1);
    const left = (place * step + (step - width) / 2).toFixed(1);
    return html`<rect x="${left}" y="${top}" width="${width.toFixed(1)}" height="${height(value).toFixed(1)}" fill="${color}"><title>${title}</title></rect>`;
  };
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 24}" role="img" aria-label="Transactions by day, at most ${count.format(most)}">
${days.flatMap(({ day, transactions, succeeded }, place) => [
  bar(place, 0, succeeded, '#0b5cad', `${day}: ${count.format(succeeded)} succeeded`),
  bar(
    place,
    succeeded,
    transactions - succeeded,
    '#a3261b',
    `${day}: ${count.format(transactions - succeeded)} did not`,
  ),
])}
<text x="0" y="${HEIGHT + 18}" font-size="12" fill="currentColor">${days[0]?.day ?? ''}</text>
<text x="${WIDTH}" y="${HEIGHT + 18}" font-size="12" text-anchor="end" fill="currentColor">${days.at(-1)?.day ?? ''}</text>
</svg>
<p class="facts">Blue: succeeded; red: failed, cancelled or pending. The highest bar is ${count.format(most)} transactions.</p>`;
}

function bars(rows: [name: string, amount: string][]): Html {
  const most = rows.map(([, amount]) => parseAmount(amount)).sort((one, other) => (one < other ? 1 : -1))[0] || 1n;
  return html`<svg viewBox="0 0 ${WIDTH} ${rows.length * 28}" role="img" aria-label="Amounts by type">
${rows.map(([name, amount], place) => {
  const width = Number((parseAmount(amount) * 500n) / most);
  return html`<text x="0" y="${place * 28 + 18}" font-size="13" fill="currentColor">${name}</text><rect x="110" y="${place * 28 + 5}" width="${width}" height="18" fill="#0b5cad"><title>${rupiah(amount)}</title></rect>`;
})}
</svg>`;
}
