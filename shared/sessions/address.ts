// Where a request comes from, as the gateway saw it; what attempts are counted by.

import type { Headers } from '../platform/http/function.ts';
import { ipv6AsNetwork, parseAddress } from '../platform/http/network.ts';

const HOUSEHOLD_BITS = 64;

/**
 * The caller's address. A function takes requests of the gateway alone (platform/host/senders.ts), so that these headers are believed.
 * Kong overwrites X-Real-IP with the peer it has accepted (its `trusted_ips` and `real_ip_header` name the proxies before it), so that no
 * stranger can choose it. X-Forwarded-For is only the second choice: whatever stands between Kong and the function appends to it, its
 * last entry being the nearest hop's. An IPv6 address counts by its /64, since a household has 2^64 of them.
 */
export function addressOf(headers: Headers): string {
  const address = parsePeer(headers);
  // Only a request that did not come through the gateway has none: all of those count together.
  return address ? ipv6AsNetwork(address, HOUSEHOLD_BITS) : 'unknown';
}

/** The whole address, for lists of those that are allowed; undefined where the gateway has said none. */
export function peerOf(headers: Headers): string | undefined {
  return parsePeer(headers)?.toString();
}

function parsePeer(headers: Headers) {
  const said = text(headers['x-real-ip']) ?? text(headers['x-forwarded-for'])?.split(',').at(-1) ?? '';
  return parseAddress(said.trim().split('%', 1)[0] ?? '');
}

function text(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header.at(-1) : header) || undefined;
}
