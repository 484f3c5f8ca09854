// The built API document, with this platform's address in it.

import { publicUrl } from '../platform/environment.ts';
import { builtFile, once } from './built.ts';
import type { OpenApiDocument } from './openapi.ts';
import { PUBLIC_URL_PLACEHOLDER } from './problem-example.ts';

/** The name of the built file. */
export const API_DOCUMENT = 'openapi.json';

export const apiDocumentText = once(async () => {
  const address = JSON.stringify(publicUrl()).slice(1, -1);
  return (await builtFile(API_DOCUMENT)).replaceAll(PUBLIC_URL_PLACEHOLDER, address);
});

export const apiDocument = once(async (): Promise<OpenApiDocument> => JSON.parse(await apiDocumentText()));
