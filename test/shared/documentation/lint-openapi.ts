// Checks that a document is OpenAPI 3.1, by Redocly's linter: its structure, its references, and each example against
// its schema.

import { createConfig, lintFromString } from '@redocly/openapi-core';

/** The faults of a document, one sentence each. */
export async function lintOpenapi(document: object): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      'no-server-example.com': 'off',
      'operation-4xx-response': 'error',
      'operation-description': 'off',
      'no-unused-components': 'error',
      'path-parameters-defined': 'error',
      'no-invalid-schema-examples': 'error',
      'no-invalid-parameter-examples': 'error',
      'no-invalid-media-type-examples': 'error',
      'no-ambiguous-paths': 'error',
    },
  });
  const faults = await lintFromString({ source: JSON.stringify(document), absoluteRef: 'openapi.json', config });
  return faults.map(({ ruleId, message, location }) => `${location[0]?.pointer}: ${message} (${ruleId})`);
}
