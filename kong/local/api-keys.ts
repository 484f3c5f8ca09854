// The API keys that the local gateway lets in, by their digests. They can be replaced while it runs, as by a reload of
// Kong.

import { refuseUnusableKeys } from '../api-key.ts';
import type { ApiKeys, Consumer } from './plugin.ts';

export function apiKeysOf(consumers: ReadonlyMap<string, Consumer>): ApiKeys {
  let held = new Map<string, Consumer>();
  return {
    find: (digest) => held.get(digest),
    replace: (keys) => {
      refuseUnusableKeys(keys, new Set(consumers.keys()));
      held = new Map(
        keys.flatMap(({ consumer, digest }) => {
          const owner = consumers.get(consumer);
          return owner ? [[digest, owner] as const] : [];
        }),
      );
    },
  };
}
