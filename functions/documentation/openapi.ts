// GET /v1/openapi.json: the API document, generated from the declarations of all functions (`npm run openapi`).

import * as v from 'valibot';
import { type Content, content, sendContent } from '../../shared/documentation/content.ts';
import { PUBLIC_URL_PLACEHOLDER } from '../../shared/documentation/problem-example.ts';
import { publicUrl } from '../../shared/environment.ts';
import { anyone, defineFunction } from '../../shared/http/function.ts';
import document from './openapi.json' with { type: 'json' };

const FIVE_MINUTES = 300;

let made: Promise<Content> | undefined;

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

    handle: async ({ headers }) => {
      made ??= content('application/json', here());
      return sendContent(await made, headers, FIVE_MINUTES);
    },
  },
});

/** The document with this platform's own address in it. */
function here(): string {
  const address = JSON.stringify(publicUrl()).slice(1, -1);
  return JSON.stringify(document).replaceAll(PUBLIC_URL_PLACEHOLDER, address);
}
