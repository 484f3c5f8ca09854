// GET /v1/regulator/openapi.json, /data-dictionary and /samples/{name}: the documents for writing a client of the
// regulators' API.

import * as v from 'valibot';
import { apiDocument } from '../../shared/documentation/api-document.ts';
import { defineFunction, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { recordAccess } from '../../shared/regulators/access-log.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { dictionaryOf, dictionaryPage } from '../../shared/regulators/dictionary.ts';
import { regulatorHeaders } from '../../shared/regulators/purpose.ts';
import { SAMPLES } from '../../shared/regulators/samples.ts';

export default defineFunction({
  name: 'regulator-guide',
  summary: 'The documents of the regulators’ part',
  description:
    '`/v1/regulator/openapi.json` is this document with the regulators’ part only; `/v1/regulator/data-dictionary` explains every field (a ' +
    `page with \`format=html\`); \`/v1/regulator/samples/{name}\` are sample files: ${Object.keys(SAMPLES).join(', ')}.`,
  uses: { database: 'regulator', redis: true },
  http: {
    route: 'GET /v1/regulator/openapi.json',
    alsoAt: ['GET /v1/regulator/data-dictionary', 'GET /v1/regulator/samples/{name}'],
    caller: regulatorWith('READ_TRANSACTIONS', 'READ_REPORTS'),
    headers: regulatorHeaders,
    beforeAnswer: recordAccess,
    path: v.strictObject({
      name: v.optional(
        v.pipe(v.string(), v.description('The name of a sample file.'), v.examples(['transactions.csv'])),
      ),
    }),
    query: v.strictObject({
      format: v.optional(
        v.pipe(v.picklist(['json', 'html']), v.description('The format of the data dictionary.')),
        'json',
      ),
    }),
    answer: v.unknown(),
    status: 200,
    raw: 'application/json',
    errors: ['not_found'],

    handle: async ({ url, path: { name }, query: { format } }) => {
      if (name !== undefined) return sample(name);
      if (url.startsWith('/v1/regulator/data-dictionary')) return dictionary(format);
      return { raw: JSON.stringify(await regulatorsPart()), contentType: 'application/json' };
    },
  },
});

function sample(name: string): Reply<never> {
  const file = Object.hasOwn(SAMPLES, name) ? SAMPLES[name] : undefined;
  if (!file) throw new Problem('not_found', { detail: `The samples are: ${Object.keys(SAMPLES).join(', ')}.` });
  return { raw: file.make(), contentType: file.contentType };
}

async function dictionary(format: 'json' | 'html'): Promise<Reply<never>> {
  const content = dictionaryOf((await apiDocument()).components.schemas);
  if (format === 'json') return { data: content as never };
  const { text, headers } = dictionaryPage(content);
  return { raw: text, contentType: 'text/html; charset=utf-8', headers };
}

/** The document with the regulators' paths only, and the components that they refer to. */
async function regulatorsPart() {
  const document = await apiDocument();
  const paths = Object.fromEntries(
    Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/regulator/')),
  );
  const all = document.components as unknown as Record<string, Record<string, unknown>>;
  const components: Record<string, Record<string, unknown>> = {};
  const take = (part: unknown): void => {
    for (const [, kind = '', name = ''] of JSON.stringify(part).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      if (components[kind]?.[name] !== undefined) continue;
      components[kind] = { ...components[kind], [name]: all[kind]?.[name] };
      take(all[kind]?.[name]);
    }
  };
  take(paths);
  return {
    ...document,
    info: {
      ...document.info,
      title: 'One Gate for regulators',
      summary: 'Transactions, reports and your own access log.',
    },
    tags: document.tags.filter(({ name }) => name === 'regulators'),
    paths,
    components: { ...components, securitySchemes: { api_key: all['securitySchemes']?.['api_key'] } },
  };
}
