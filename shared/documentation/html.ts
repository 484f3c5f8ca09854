// HTML pages. Every inserted text is escaped, and headers restrict what a page may load.

import { createHash } from 'node:crypto';

export interface Html {
  readonly html: string;
}

type Value = string | number | Html | readonly Html[];

/** A piece of a page. Texts are escaped; other pieces are inserted unchanged. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return { html: String.raw({ raw: strings }, ...values.map(escapeText)) };
}

function escapeText(value: Value): string {
  if (typeof value === 'object') return 'html' in value ? value.html : value.map((piece) => piece.html).join('');
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #566072; --line: #dde2e9; --paper: #fff; --tint: #f4f6f9; --accent: #0b5cad; --good: #14683a; --bad: #a3261b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --quiet: #a3adbd; --line: #333c49; --paper: #14181f; --tint: #1d232c; --accent: #7db8f5; --good: #6fd39b; --bad: #ff9a8d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
header, main { max-width: 50rem; margin: 0 auto; padding: 0 1.5rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding-top: 1.25rem; padding-bottom: 1.25rem; border-bottom: 1px solid var(--line); }
header > a { margin-right: auto; color: var(--ink); font-weight: 700; text-decoration: none; }
main { padding-bottom: 4rem; }
a { color: var(--accent); }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h1 { margin: 2.5rem 0 .5rem; font-size: 1.9rem; line-height: 1.25; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.15rem; }
p { margin: .5rem 0; }
.facts { color: var(--quiet); }
code { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { margin: .75rem 0; padding: 1rem 1.25rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--tint); border: 1px solid var(--line); border-radius: .5rem; }
pre code { font-size: .84em; }
td code { overflow-wrap: normal; }
.yes { color: var(--good); font-weight: 600; }
.no { color: var(--bad); font-weight: 600; }
ul { padding-left: 1.25rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-size: .9rem; font-weight: 600; }
`;

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** The icon is part of the page's text, so that browsers do not ask for /favicon.ico. */
export const icon = html`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 15V8a6 6 0 0 1 12 0v7h-3V8a3 3 0 0 0-6 0v7z' fill='%230b5cad'/%3E%3C/svg%3E">`;

const STRANGERS = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The headers of a page that may load only `sources`. */
export function pageHeaders(sources: string): Record<string, string> {
  return {
    'content-security-policy': `default-src 'none'; img-src data:; ${sources}; ${STRANGERS}`,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
}

/** A page of text without scripts, and its headers. */
export function textPage(title: string, body: Html): { text: string; headers: Record<string, string> } {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · One Gate</title>
${icon}
<style>${{ html: STYLE }}</style>
</head>
<body>
<header><a href="/docs">One Gate</a> <nav aria-label="Documentation"><a href="/docs">API reference</a> · <a href="/errors">All errors</a></nav></header>
<main>
${body}
</main>
</body>
</html>
`;
  return { text: page.html, headers: pageHeaders(`style-src 'sha256-${styleHash}'`) };
}
