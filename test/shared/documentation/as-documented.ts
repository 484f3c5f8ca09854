// Compares an answer with the API document: its status, its media type, its body, its headers.

import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type {
  Response as Documented,
  OpenApiDocument,
  Operation,
  Reference,
} from '../../../shared/documentation/openapi.ts';

/** Where an answer differs from the document, one sentence per fault. The body must not have been read yet. */
export type Faults = (operationId: string, answer: Response) => Promise<string[]>;

export function asDocumented(document: OpenApiDocument): Faults {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'openapi', ...document });

  return async (operationId, answer) => {
    const found = find(document, operationId);
    if (!found) return [`there is no operation ${operationId}`];
    const [pointer, operation] = found;
    const declared = operation.responses[String(answer.status)];
    if (!declared) return [`${operationId} does not answer ${answer.status}: ${await answer.text()}`];
    const isReference = '$ref' in declared;
    const place = isReference ? declared.$ref : `${pointer}/responses/${answer.status}`;
    const { headers = {}, content = {} } = isReference ? resolve(document, declared) : declared;
    const missing = ['X-Request-Id'].filter((name) => name in headers && !answer.headers.has(name));
    return [...missing.map((name) => `${name} is missing`), ...(await faultsOfBody(answer, content, place))];
  };

  async function faultsOfBody(answer: Response, content: object, place: string): Promise<string[]> {
    const mediaType = answer.headers.get('content-type')?.split(';', 1)[0] ?? '';
    const text = await answer.text();
    if (!mediaType && text === '') return Object.keys(content).length === 0 ? [] : ['the body is missing'];
    if (!(mediaType in content)) return [`${mediaType} is not among ${Object.keys(content).join(', ')}`];
    const check = ajv.getSchema(`openapi${place}/content/${mediaType.replaceAll('/', '~1')}/schema`);
    if (!check) return [`${place} has no schema`];
    const ok = check(mediaType.includes('json') ? JSON.parse(text) : text);
    return ok ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}: ${text}`);
  }
}

function find(document: OpenApiDocument, operationId: string): [pointer: string, operation: Operation] | undefined {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const pointer = `#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}`;
      if (operation.operationId === operationId) return [encodeURI(pointer), operation];
    }
  }
  return undefined;
}

function resolve(document: OpenApiDocument, { $ref }: Reference): Documented {
  return document.components.responses[$ref.slice('#/components/responses/'.length)] as Documented;
}
