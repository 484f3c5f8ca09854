// Where a request comes from, as the gateway saw it; what attempts are counted by.

import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Headers } from '../http/function.ts';

/**
 * The caller's address. Kong overwrites X-Real-IP with the peer it has accepted (its `trusted_ips` and `real_ip_header` name the
 * proxies before it), so that no stranger can choose it. X-Forwarded-For is only the second choice: whatever stands between Kong and
 * the function appends to it, its last entry being the nearest hop's. An IPv6 address counts by its /64, since a household
 * has 2^64 of them.
 */
export function addressOf(headers: Headers): string {
  return network(spoken(headers));
}

/** The whole address, for lists of those that are allowed; undefined where the gateway has said none. */
export function peerOf(headers: Headers): string | undefined {
  const address = spoken(headers).split('%', 1)[0] ?? '';
  return isIP(address) === 0 ? undefined : (MAPPED.exec(address)?.[1] ?? address);
}

function spoken(headers: Headers): string {
  return (text(headers['x-real-ip']) ?? text(headers['x-forwarded-for'])?.split(',').at(-1) ?? '').trim();
}

/** An IPv4 address as a socket of both kinds shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function text(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header.at(-1) : header) || undefined;
}

function network(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped && isIPv4(mapped)) return mapped;
  if (isIPv4(address)) return address;
  // Only a request that did not come through the gateway has none: all of those count together.
  if (!isIPv6(address)) return 'unknown';
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const groups = head ? head.split(':') : [];
  // `::` stands for as many zero groups as are missing; the ones behind it matter only when it is short.
  const behind = tail ? tail.split(':') : [];
  while (tail !== undefined && groups.length + behind.length < 8) groups.push('0');
  const first = [...groups, ...behind].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${first.join(':')}::/64`;
}
