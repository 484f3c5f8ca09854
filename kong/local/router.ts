// Finds the route of a request by Kong's rules for "traditional_compatible" routers, as far as methods and paths go: a
// route that names methods wins over one that does not, a regular expression over a prefix, a higher regex_priority over
// a lower one, and the longer of two prefixes. The length of a regular expression decides nothing.

import type { Route } from './configuration.ts';

interface Candidate {
  route: Route;
  /** The part of the path that matched, or undefined. */
  match(path: string): string | undefined;
  regex: boolean;
  length: number;
}

export interface Match {
  route: Route;
  /** The path that the function gets. */
  path: string;
}

export function routerOf(routes: readonly Route[]): (method: string, path: string) => Match | undefined {
  const candidates = routes
    .flatMap((route) => route.paths.map((path) => candidate(route, path)))
    .sort(
      (one, other) =>
        Number(other.route.methods !== undefined) - Number(one.route.methods !== undefined) ||
        Number(other.regex) - Number(one.regex) ||
        (one.regex ? other.route.regexPriority - one.route.regexPriority : other.length - one.length),
    );
  return (method, path) => {
    for (const { route, match } of candidates) {
      if (route.methods && !route.methods.includes(method)) continue;
      const matched = match(path);
      if (matched !== undefined) return { route, path: route.stripPath ? stripped(path, matched) : path };
    }
    return undefined;
  };
}

function candidate(route: Route, path: string): Candidate {
  if (!path.startsWith('~')) {
    const match = (asked: string) => (asked.startsWith(path) ? path : undefined);
    return { route, match, regex: false, length: path.length };
  }
  const pattern = new RegExp(`^(?:${path.slice(1)})`);
  return { route, match: (asked) => pattern.exec(asked)?.[0], regex: true, length: path.length };
}

function stripped(path: string, matched: string): string {
  const rest = path.slice(matched.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
