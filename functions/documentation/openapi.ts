// GET /v1/openapi.json: the API document, which the build makes from the declarations of all functions.

import * as v from 'valibot';
import { apiDocumentText } from '../../shared/documentation/api-document.ts';
import { once } from '../../shared/documentation/built.ts';
import { content, sendContent } from '../../shared/documentation/content.ts';
import { anyone, defineFunction } from '../../shared/platform/http/function.ts';

const FIVE_MINUTES = 300;

const document = once(async () => content('application/json', await apiDocumentText()));

export default defineFunction({
  name: 'openapi',
  summary: 'This document',
  description: 'OpenAPI 3.1, generated from the functions themselves. `/docs` shows it as a page.',
  http: {
    route: 'GET /v1/openapi.json',
    limit: { perMinute: 300, by: 'address' },
    caller: anyone,
    answer: v.looseObject({ openapi: v.pipe(v.string(), v.examples(['3.1.0'])) }),
    status: 200,
    raw: 'application/json',
    errors: [],

    handle: async ({ headers }) => sendContent(await document(), headers, FIVE_MINUTES),
  },
});
