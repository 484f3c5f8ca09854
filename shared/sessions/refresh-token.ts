// Refresh tokens are opaque: 256 random bits. The database keeps a hash; it can be a fast one, because random bits
// cannot be guessed.

import { createHash, randomBytes } from 'node:crypto';

/** The prefix lets secret scanners find leaked tokens. */
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
