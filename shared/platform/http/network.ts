// IP addresses and networks, each in one spelling. An IPv4 address within an IPv6 one (::ffff:203.0.113.7) becomes the
// IPv4 address, and a zone (%eth0) is refused.

import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** The prefix of IPv4 addresses within IPv6. */
const MAPPED_BITS = 96;

/**
 * Undefined if the text is no address. IPv4 has only its usual form here, because some readers take 010.0.0.1 for
 * 8.0.0.1.
 */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** An address, or an address with a prefix length, as Kong and PostgreSQL take them. */
export function parseNetwork(text: string): Network | undefined {
  const [written = '', bits, ...rest] = text.split('/');
  const address = parseAddress(written);
  if (!address || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const longest = longestPrefix(address);
  const isMapped = address.kind() === 'ipv4' && written.includes(':');
  const length = bits === undefined ? longest : Number(bits) - (isMapped ? MAPPED_BITS : 0);
  return length >= 0 && length <= longest ? [address, length] : undefined;
}

export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** The normal form of a network, `203.0.113.0/24`, or of a single address. Undefined if the text is neither. */
export function normaliseNetwork(text: string): string | undefined {
  const network = parseNetwork(text);
  if (!network) return undefined;
  const [address, length] = network;
  return length === longestPrefix(address) ? address.toString() : `${address}/${length}`;
}

export function isWithin(address: Address, networks: readonly Network[]): boolean {
  return networks.some((network) => network[0].kind() === address.kind() && address.match(network));
}

/** An IPv4 address unchanged, an IPv6 address as its network of that prefix length. */
export function ipv6AsNetwork(address: Address, length: number): string {
  if (address.kind() === 'ipv4') return address.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`)}/${length}`;
}

function longestPrefix(address: Address): 32 | 128 {
  return address.kind() === 'ipv4' ? 32 : 128;
}
