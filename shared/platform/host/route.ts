// Finds the function for a request by method and path, and reads the `{segments}` of the path.

import type { FunctionDeclaration } from '../http/function.ts';
import { Problem } from '../http/problem.ts';

export interface Place {
  declaration: FunctionDeclaration;
  /** The path's parameters by name, still encoded. */
  values: Record<string, string>;
  /** Set if no function matches. Then `declaration` only records the refusal. */
  problem?: Problem;
}

interface Route {
  declaration: FunctionDeclaration;
  method: string;
  /** Present for a path with parameters. */
  pattern?: RegExp;
}

/** HEAD is answered where GET is. Throws if two functions declare the same address. */
export function routerOf(declarations: readonly FunctionDeclaration[]): (method: string, path: string) => Place {
  const exact = new Map<string, Route[]>();
  const patterns = new Map<string, Route[]>();
  for (const declaration of declarations) {
    for (const address of addressesOf(declaration)) {
      const [method = '', template = ''] = address.split(' ');
      const routes = template.includes('{') ? patterns : exact;
      const shape = template.replace(/\{\w+\}/g, '{}');
      const here = routes.get(shape) ?? [];
      if (here.some((other) => other.method === method)) throw new Error(`Two functions declare ${address}.`);
      const pattern = template.includes('{') ? patternOf(template) : undefined;
      routes.set(shape, [...here, { declaration, method, ...(pattern && { pattern }) }]);
    }
  }
  const accountable = declarations.find(({ http }) => http?.beforeAnswer) ?? (declarations[0] as FunctionDeclaration);
  const refused = (problem: Problem): Place => ({ declaration: accountable, values: {}, problem });

  return (method, path) => {
    const here: Route[] = exact.get(path) ?? [...patterns.values()].flat().filter(({ pattern }) => pattern?.test(path));
    if (here.length === 0) return refused(new Problem('not_found'));
    const wanted = method === 'HEAD' ? 'GET' : method;
    const found = here.find((route) => route.method === wanted);
    if (!found) return refused(new Problem('method_not_allowed', { headers: { allow: allowOf(here) } }));
    return { declaration: found.declaration, values: found.pattern?.exec(path)?.groups ?? {} };
  };
}

/** Every address of the function, such as "GET /v1/account". */
export function addressesOf({ http }: FunctionDeclaration): string[] {
  return http ? [http.route, ...(http.alsoAt ?? [])] : [];
}

/** The methods of a path, as its Allow header names them. */
export function allowOf(routes: readonly { method: string }[]): string {
  const methods = new Set(routes.map(({ method }) => method));
  return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}

// The longest segment is an Idempotency-Key of 255 characters, all of them escaped.
function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]{1,1600})')}$`);
}
