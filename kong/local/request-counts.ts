// How many requests each route has answered, and how: what Kong's prometheus calls kong_http_requests_total.

export interface Counted {
  /** '' when no route matched. */
  route: string;
  status: number;
  requests: number;
}

export interface Counts {
  add(route: string, status: number): void;
  all(): Counted[];
}

export function startCounts(): Counts {
  const counts = new Map<string, Counted>();
  return {
    add: (route, status) => {
      const counted = counts.get(`${route} ${status}`) ?? { route, status, requests: 0 };
      counted.requests += 1;
      counts.set(`${route} ${status}`, counted);
    },
    all: () => [...counts.values()].map((each) => ({ ...each })),
  };
}
