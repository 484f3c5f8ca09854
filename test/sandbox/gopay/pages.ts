// The pages: the payer's page with the button Pay, and the list of payments at `/`. No scripts; everything is escaped.

import type { Delivery, Payment, Status } from './payments.ts';

export interface Page {
  status: number;
  html: string;
}

/** Nothing is loaded, nothing runs, no page frames it; forms go back to their own address. */
export function pageHeaders(nonce: string): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
}

/** A number of rupiah as people write it: `Rp 150.000`. */
export function rupiah(value: string): string {
  const whole = BigInt(value.split('.')[0] as string);
  return new Intl.NumberFormat('id-ID', { style: 'currency', currency: 'IDR', maximumFractionDigits: 0 }).format(whole);
}

export function payerPage(payment: Payment, merchant: string, nonce: string, notice?: string): string {
  const what = payment.itemName ? `<p class="item">${escaped(payment.itemName)}</p>` : '';
  const body = `
<section class="card" aria-labelledby="title">
  <h1 id="title">${escaped(TITLES[payment.status])}</h1>
  ${notice ? `<p class="notice" role="alert">${escaped(notice)}</p>` : ''}
  <p class="merchant">${escaped(merchant)}</p>
  ${what}
  <p class="amount">${escaped(rupiah(payment.amount.value))}</p>
  ${statusBadge(payment.status)}
  ${choices(payment)}
  <dl>
    <dt>Order</dt><dd>${escaped(payment.partnerReferenceNo)}</dd>
    <dt>GoPay reference</dt><dd>${escaped(payment.referenceNo)}</dd>
    <dt>Pay before</dt><dd>${time(payment.validUpTo)}</dd>
  </dl>
</section>`;
  return document(`${TITLES[payment.status]} · GoPay simulator`, body, nonce);
}

function choices(payment: Payment): string {
  if (payment.status !== 'initiated' && payment.status !== 'pending') {
    return `<p class="actions"><a class="button" rel="noreferrer" href="${escaped(payment.returnUrl)}">Back to the shop</a></p>`;
  }
  const action = (verb: string) => `/app/${escaped(payment.pageToken)}/${verb}`;
  return `<div class="actions">
    <form method="post" action="${action('pay')}"><button class="button">Pay ${escaped(rupiah(payment.amount.value))}</button></form>
    <form method="post" action="${action('cancel')}"><button class="button plain">Cancel</button></form>
  </div>`;
}

export function listPage(payments: Payment[], deliveries: Delivery[], merchant: string, nonce: string): string {
  const lastDelivery = new Map(deliveries.map((delivery) => [delivery.referenceNo, delivery]));
  const rows = payments.map((payment) => row(payment, lastDelivery.get(payment.referenceNo))).join('');
  const table = `<div class="scroll" tabindex="0" role="region" aria-labelledby="title"><table>
  <thead><tr><th>Created</th><th>Order</th><th class="number">Amount</th><th>Status</th><th>Last notification</th><th>Page</th></tr></thead>
  <tbody>${rows}</tbody></table></div>`;
  const none = '<p class="none">No payments yet. They appear here when the shop asks for one.</p>';
  const body = `<section class="card wide"><h1 id="title">Payments to ${escaped(merchant)}</h1>${payments.length ? table : none}</section>`;
  return document('Payments · GoPay simulator', body, nonce);
}

function row(payment: Payment, delivery: Delivery | undefined): string {
  const open = payment.status === 'initiated' || payment.status === 'pending';
  const attempts = delivery
    ? `${delivery.state.replace('_', ' ')} (${delivery.answers.join(', ') || 'not sent'})`
    : '–';
  return `<tr><td>${time(payment.createdAt)}</td><td>${escaped(payment.partnerReferenceNo)}</td>
<td class="number">${escaped(rupiah(payment.amount.value))}</td><td>${statusBadge(payment.status)}</td><td>${escaped(attempts)}</td>
<td><a href="/app/${escaped(payment.pageToken)}">${open ? 'Pay or cancel' : 'Show'}<span class="hidden"> ${escaped(payment.partnerReferenceNo)}</span></a></td></tr>`;
}

export function messagePage(title: string, text: string, nonce: string): string {
  const body = `<section class="card"><h1>${escaped(title)}</h1><p>${escaped(text)}</p><p class="actions"><a class="button plain" href="/">All payments</a></p></section>`;
  return document(`${title} · GoPay simulator`, body, nonce);
}

const TITLES: Record<Status, string> = {
  initiated: 'Confirm your payment',
  pending: 'Confirm your payment',
  paid: 'Payment successful',
  cancelled: 'Payment cancelled',
  failed: 'Payment failed',
  expired: 'Payment expired',
  refunded: 'Payment refunded',
};

function statusBadge(status: Status): string {
  const words = { initiated: 'waiting', pending: 'waiting' } as Partial<Record<Status, string>>;
  return `<span class="badge ${status}">${words[status] ?? status}</span>`;
}

function time(iso: string): string {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Jakarta' } as const;
  return `<time datetime="${escaped(iso)}">${escaped(new Intl.DateTimeFormat('en-GB', options).format(new Date(iso)))} WIB</time>`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

function document(title: string, body: string, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header><a class="brand" href="/">gopay</a><span class="simulator">Simulator: no real money</span></header>
<main>${body}</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light; --blue: #00698c; --ink: #12242d; --quiet: #51646e; --line: #dbe4e8; --ground: #eef5f8; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: .9rem 1.25rem; background: var(--blue); color: #fff; }
.brand { color: #fff; font-size: 1.4rem; font-weight: 800; letter-spacing: -.02em; text-decoration: none; }
.simulator { padding: .2rem .7rem; border-radius: 1rem; background: #ffe08a; color: #3d2f00; font-size: .85rem; font-weight: 600; }
main { display: flex; justify-content: center; padding: 2rem 1rem; }
.card { width: 100%; max-width: 26rem; padding: 1.75rem; background: #fff; border: 1px solid var(--line); border-radius: 1rem; box-shadow: 0 6px 24px rgb(18 36 45 / 8%); text-align: center; }
.wide { max-width: 64rem; text-align: left; }
h1 { margin: 0 0 1rem; font-size: 1.25rem; }
.merchant { margin: 0; font-weight: 600; }
.item { margin: 0; color: var(--quiet); overflow-wrap: anywhere; }
.amount { margin: .5rem 0 .75rem; font-size: 2.25rem; font-weight: 750; letter-spacing: -.02em; }
.notice { padding: .6rem .8rem; border-radius: .6rem; background: #fdecea; color: #8a1c12; }
.actions { display: grid; gap: .75rem; margin: 1.5rem 0 0; }
form { margin: 0; }
.button { display: block; width: 100%; padding: .8rem 1rem; border: 2px solid var(--blue); border-radius: 2rem; background: var(--blue); color: #fff; font: inherit; font-weight: 700; text-align: center; text-decoration: none; cursor: pointer; }
.button:hover { background: #00546f; border-color: #00546f; }
.plain { background: #fff; color: var(--blue); border-color: var(--line); }
.plain:hover { background: var(--ground); border-color: var(--blue); color: var(--blue); }
:focus-visible { outline: 3px solid #f0a500; outline-offset: 2px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1.5rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .875rem; text-align: left; }
dt { color: var(--quiet); }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; background: #fff1cc; color: #5c4300; font-size: .85rem; font-weight: 600; }
.badge.paid { background: #d8f3e0; color: #0d5127; }
.badge.cancelled, .badge.refunded { background: #e6ebee; color: #37474f; }
.badge.failed, .badge.expired { background: #fdecea; color: #8a1c12; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .6rem .75rem .6rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td a { color: var(--blue); font-weight: 600; }
.none { color: var(--quiet); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
