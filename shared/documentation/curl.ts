// Example requests for a shell.

import type { AnyTrigger, Desk } from './described-function.ts';
import type { Parameter, Reference } from './openapi.ts';

/** The request with the examples of its parameters and its body. The access token is a variable. */
export function curl(
  http: AnyTrigger,
  method: string,
  path: string,
  parameters: (Parameter | Reference)[],
  example: unknown,
  { publicUrl, sample }: Desk,
): string {
  const given = parameters.filter((parameter): parameter is Parameter => 'name' in parameter);
  const value = (parameter: Parameter) => encodeURIComponent(String(sample(parameter.schema)));
  const address = given
    .filter((parameter) => parameter.in === 'path')
    .reduce((text, parameter) => text.replace(`{${parameter.name}}`, value(parameter)), path);
  const search = given
    .filter((parameter) => parameter.in === 'query' && (parameter.required || parameter.schema.examples))
    .map((parameter) => `${parameter.name}=${value(parameter)}`);
  const parts = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} '${publicUrl}${address}${search.length > 0 ? `?${search.join('&')}` : ''}'`,
    http.caller.scheme === 'bearer' && '-H "Authorization: Bearer $ACCESS_TOKEN"',
    http.caller.scheme === 'api-key' && '-H "X-API-Key: $API_KEY" -H \'X-Purpose-Code: SUPERVISION\'',
    http.idempotencyKey && '-H "Idempotency-Key: $(uuidgen)"',
    example !== undefined && "-H 'Content-Type: application/json'",
    example !== undefined && `-d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`,
  ];
  return parts.filter(Boolean).join(' \\\n  ');
}
