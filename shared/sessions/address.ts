// The network address of a request, as the gateway saw it. Attempts are counted by it.

import type { Headers } from '../platform/http/function.ts';
import { ipv6AsNetwork, parseAddress } from '../platform/http/network.ts';

const HOUSEHOLD_BITS = 64;

/**
 * The caller's address. A function takes requests of the gateway only (platform/host/senders.ts), so these headers can be
 * believed. Kong overwrites X-Real-IP with the address that it has accepted (its `trusted_ips` and `real_ip_header` name
 * the proxies before it), so a stranger cannot choose it. X-Forwarded-For is the second choice, because each hop between
 * Kong and the function appends to it; its last entry is the nearest hop. An IPv6 address counts by its /64, since a
 * household has 2^64 addresses.
 */
export function addressOf(headers: Headers): string {
  const address = parsePeer(headers);
  // Only a request that bypassed the gateway has no address. All such requests count together.
  return address ? ipv6AsNetwork(address, HOUSEHOLD_BITS) : 'unknown';
}

/** The whole address, for lists of allowed networks. Undefined if the gateway sent none. */
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
