// Refresh tokens are opaque: 256 random bits, of which the database keeps the hash. There is nothing to guess, so a fast hash will do.

import { createHash, randomBytes } from 'node:crypto';

/** The prefix lets secret scanners find tokens where they do not belong. */
const PREFIX = 'ogr_';

export interface RefreshToken {
  token: string;
  hash: string;
}

export function newRefreshToken(): RefreshToken {
  const token = PREFIX + randomBytes(32).toString('base64url');
  return { token, hash: hashRefreshToken(token) };
}

export function hashRefreshToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
