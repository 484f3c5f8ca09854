// The table of operations: one line for each method and path of the API.

import type { DescribedFunction } from '../../shared/documentation/described-function.ts';
import type { OpenApiDocument } from '../../shared/documentation/openapi.ts';
import { rowsOf, table } from '../local/table.ts';

export interface OperationRow {
  /** "POST /v1/pay". */
  operation: string;
  function: string;
  /** anyone, user, operator, or regulator with a list of permissions. */
  caller: string;
  statuses: string[];
}

const HEAD = ['method', 'path', 'function', 'caller', 'statuses'] as const;

export function operationsOf(document: OpenApiDocument, functions: readonly DescribedFunction[]): OperationRow[] {
  const byRoute = new Map<string, { name: string; caller: string }>(
    functions.flatMap(({ declaration: { name, http } }) =>
      http
        ? [http.route, ...(http.alsoAt ?? [])].map((route) => [route, { name, caller: http.caller.name }] as const)
        : [],
    ),
  );
  return Object.entries(document.paths)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([method, { responses }]) => {
          const operation = `${method.toUpperCase()} ${path}`;
          const { name, caller } = byRoute.get(operation)!;
          return { operation, function: name, caller, statuses: Object.keys(responses).sort() };
        }),
    );
}

export function operationsTable(rows: readonly OperationRow[]): string {
  return [
    '# Operations of the API',
    '',
    'One line per operation, from the declarations of the functions. `make generate` writes this file.',
    '',
    ...table(
      HEAD,
      rows.map(({ operation, function: name, caller, statuses }) => [
        ...operation.split(' '),
        name,
        caller,
        statuses.join(' '),
      ]),
    ),
    '',
  ].join('\n');
}

/** Reads what `operationsTable` wrote. */
export function readOperations(text: string): OperationRow[] {
  return rowsOf(text, HEAD).map(({ method, path, function: name, caller, statuses }) => ({
    operation: `${method} ${path}`,
    function: name,
    caller,
    statuses: statuses.split(' '),
  }));
}
