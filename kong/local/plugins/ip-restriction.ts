// ip-restriction: refuses callers from outside the listed networks. The address is the connection's, as Kong's is
// unless trusted_ips names proxies that it believes.

import * as v from 'valibot';
import { isNetwork, isWithin, parseAddress, parseNetwork } from '../../../shared/platform/http/network.ts';
import type { Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  allow: v.pipe(
    v.array(v.pipe(v.string(), v.check(isNetwork, 'must be an IP address or a network such as 10.0.0.0/8'))),
    // Kong takes an empty list for no restriction at all.
    v.minLength(1, 'must name at least one network: Kong would let every address in'),
  ),
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(599)), 403),
  message: v.optional(v.string(), 'Your IP address is not allowed'),
});

export function create({ allow, status, message }: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  const allowed = allow.map(parseNetwork).filter((network) => network !== undefined);
  return {
    priority: 990,
    access: ({ clientAddress }) => {
      const address = parseAddress(clientAddress);
      return address && isWithin(address, allowed) ? undefined : { status, body: JSON.stringify({ message }) };
    },
  };
}
