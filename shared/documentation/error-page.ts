// The page of one error code, and the page that lists all codes.

import { STATUS_CODES } from 'node:http';
import { type ProblemCode, problems } from '../platform/http/problems.ts';
import { type Html, html } from './html.ts';
import { meanings } from './meaning.ts';
import { isOnlyAboutMoney, problemExample, retryAdvice } from './problem-example.ts';

/** An operation that can answer with the code. */
export interface Source {
  operationId: string;
  method: string;
  path: string;
  aboutMoney: boolean;
}

/** The same facts as data, for clients that ask for JSON. */
export interface ErrorFacts {
  code: ProblemCode;
  type: string;
  status: number;
  title: string;
  meaning: string;
  advice: string;
  safe_to_retry: boolean;
  example: Record<string, unknown>;
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problems, code);
}

export function errorFacts(publicUrl: string, code: ProblemCode, aboutMoney: boolean): ErrorFacts {
  const { status, title, advice, safeToRetry } = problems[code];
  const example = problemExample(publicUrl, code, aboutMoney || isOnlyAboutMoney(code));
  const type = `${publicUrl}/errors/${code}`;
  return { code, type, status, title, meaning: meanings[code], advice, safe_to_retry: safeToRetry, example };
}

export function errorPage(facts: ErrorFacts, sources: readonly Source[]): Html {
  return html`<h1>${facts.title}</h1>
<p class="facts"><code>${facts.code}</code> · ${facts.status} ${STATUS_CODES[facts.status] ?? ''}</p>
<h2>What it means</h2>
<p>${withCode(facts.meaning)}</p>
<h2>What to do next</h2>
<p>${withCode(facts.advice)}</p>
<h2>Is it safe to send the same request again?</h2>
<p>${facts.safe_to_retry ? html`<span class="yes">Yes.</span>` : html`<span class="no">It would not help.</span>`} ${withCode(retryAdvice(facts.code))}</p>
<h2>Example</h2>
<pre><code>HTTP/1.1 ${facts.status} ${STATUS_CODES[facts.status] ?? ''}
Content-Type: application/problem+json

${JSON.stringify(facts.example, null, 2)}</code></pre>
${sources.length > 0 ? sourceList(sources) : html``}`;
}

function sourceList(sources: readonly Source[]): Html {
  const items = sources.map(
    ({ operationId, method, path }) =>
      html`<li><a href="/docs#operation/${operationId}"><code>${method} ${path}</code></a></li>
`,
  );
  return html`<h2>Operations that answer with it</h2>
<ul>
${items}
</ul>`;
}

export function errorIndexPage(): Html {
  const rows = (Object.keys(problems) as ProblemCode[]).map((code) => {
    const { status, title, safeToRetry } = problems[code];
    return html`<tr><td>${status}</td><td><a href="/errors/${code}"><code>${breakable(code)}</code></a></td><td>${title}</td><td>${safeToRetry ? 'yes' : 'no'}</td></tr>
`;
  });
  return html`<h1>Errors</h1>
<p>Every refusal is <code>application/problem+json</code>. Branch on its <code>code</code>, which never changes its meaning; new ones may be added.</p>
<table>
<thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">What is wrong</th><th scope="col">Safe to retry</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>`;
}

/** Allows a line break after an underscore, because a long code is wider than a phone. */
function breakable(code: string): Html[] {
  return code.split(/(?<=_)/).map((part, index) => (index > 0 ? html`<wbr>${part}` : html`${part}`));
}

/** Marks addresses and headers as code. */
function withCode(text: string): Html[] {
  return text
    .split(
      /(\/v1\/[a-z.-]+|Authorization: Bearer <access_token>|[A-Z][a-z]+-[A-Z][a-z]+(?:-[A-Z][a-z]+)*|next_cursor|request_id)/,
    )
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}
