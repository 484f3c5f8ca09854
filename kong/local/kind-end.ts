// Ends an HTTP server kindly: it answers the requests in flight, then closes all connections, including those that
// clients keep open or have opened and never used.

import type { Server } from 'node:http';

const LIMIT_MS = 30_000;

/**
 * Call it before the server listens. The returned function resolves when everything is closed; it cuts what takes too
 * long.
 */
export function kindEnd(server: Server, limitMs = LIMIT_MS): () => Promise<void> {
  let busy = 0;
  let ending = false;
  server.on('request', (_request, response) => {
    busy += 1;
    response.once('close', () => {
      busy -= 1;
      if (ending && busy === 0) server.closeAllConnections();
    });
  });
  return () =>
    new Promise((resolve) => {
      ending = true;
      const limit = setTimeout(() => server.closeAllConnections(), limitMs);
      server.close(() => {
        clearTimeout(limit);
        resolve();
      });
      if (busy === 0) server.closeAllConnections();
    });
}
