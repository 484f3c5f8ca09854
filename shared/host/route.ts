// Finds out whether a path is one of the function's own, and takes its `{segments}` out of it.

import type { HttpTrigger } from '../http/function.ts';

export interface Route {
  method: string;
  /** The path's parameters by name, still encoded; undefined when the path is another. */
  match(path: string): Record<string, string> | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: only the addresses matter here.
export function routesOf(http: HttpTrigger<any, any, any, any, any>): Route[] {
  return [http.route, ...(http.alsoAt ?? [])].map(compile);
}

// The longest segment is an Idempotency-Key of 255 characters, each of them escaped.
function compile(route: string): Route {
  const [method = '', template = ''] = route.split(' ');
  if (!template.includes('{')) return { method, match: (path) => (path === template ? {} : undefined) };
  const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]{1,1600})')}$`);
  return { method, match: (path) => pattern.exec(path)?.groups };
}
