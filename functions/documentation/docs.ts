// GET /docs: the page of the API document. GET /errors and /errors/{code}: explain every error, to people and to
// programs.

import * as v from 'valibot';
import { apiDocument } from '../../shared/documentation/api-document.ts';
import { sendContent } from '../../shared/documentation/content.ts';
import {
  errorFacts,
  errorIndexPage,
  errorPage,
  isProblemCode,
  type Source,
} from '../../shared/documentation/error-page.ts';
import { textPage } from '../../shared/documentation/html.ts';
import { redocScript, referencePage, SCRIPT_PATH } from '../../shared/documentation/reference-page.ts';
import { publicUrl } from '../../shared/platform/environment.ts';
import { anyone, defineFunction, type Headers, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { type ProblemCode, problems } from '../../shared/platform/http/problems.ts';

const DAY = 86_400;
const IDEMPOTENCY_KEY = '#/components/parameters/Idempotency-Key';

export default defineFunction({
  name: 'docs',
  summary: 'The documentation as pages',
  description:
    '`/docs` shows this document. `/errors` lists every error code. `/errors/{code}` explains one code. Both answer ' +
    'with data when `Accept` is `application/json`.',
  http: {
    route: 'GET /docs',
    alsoAt: [`GET ${SCRIPT_PATH}`, 'GET /errors', 'GET /errors/{code}'],
    limit: { perMinute: 300, by: 'address' },
    caller: anyone,
    path: v.strictObject({
      code: v.optional(
        v.pipe(v.string(), v.description('The `code` of a problem.'), v.examples(['insufficient_funds'])),
      ),
    }),
    answer: v.string(),
    status: 200,
    raw: 'text/html',
    errors: ['not_found'],

    handle: async ({ url, path: { code }, headers }) => {
      if (code !== undefined) return describeError(code, headers);
      const path = url.split('?', 1)[0];
      if (path === '/errors') return listErrors(headers);
      if (path === SCRIPT_PATH) return sendContent(await redocScript(), headers, DAY);
      return page(referencePage());
    },
  },
});

async function describeError(code: string, headers: Headers): Promise<Reply<never>> {
  if (!isProblemCode(code)) {
    throw new Problem('not_found', { detail: 'There is no error with this code. /errors lists all codes.' });
  }
  const sources = await operationsAnswering(code);
  const facts = errorFacts(
    publicUrl(),
    code,
    sources.some(({ aboutMoney }) => aboutMoney),
  );
  return prefersJson(headers) ? data(facts) : page(textPage(facts.title, errorPage(facts, sources)));
}

function listErrors(headers: Headers): Reply<never> {
  if (!prefersJson(headers)) return page(textPage('Errors', errorIndexPage()));
  return data((Object.keys(problems) as ProblemCode[]).map((code) => errorFacts(publicUrl(), code, false)));
}

async function operationsAnswering(code: ProblemCode): Promise<Source[]> {
  const { paths } = await apiDocument();
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) => operation['x-problem-codes'].includes(code))
      .map(([method, { operationId, parameters = [] }]) => ({
        operationId,
        method: method.toUpperCase(),
        path,
        aboutMoney: parameters.some((each) => '$ref' in each && each.$ref === IDEMPOTENCY_KEY),
      })),
  );
}

/** A browser names text/html in Accept. A client that names only JSON, or nothing, gets JSON. */
function prefersJson({ accept = '' }: Headers): boolean {
  return /\bapplication\/(?:[\w.-]+\+)?json\b/i.test(String(accept)) && !/\btext\/html\b/i.test(String(accept));
}

function page({ text, headers }: { text: string; headers: Record<string, string> }): Reply<never> {
  return { raw: text, contentType: 'text/html; charset=utf-8', headers: { ...headers, vary: 'accept' } };
}

function data(value: unknown): Reply<never> {
  return { data: value as never, headers: { vary: 'accept' } };
}
