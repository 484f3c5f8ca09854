// The API keys that the local gateway lets in, by their digests. They can be replaced while it runs, as a reload does in Kong.

import { type ApiKey, refuseUnusableKeys } from '../api-key.ts';
import type { Consumer } from './plugin.ts';

export interface ApiKeys {
  /** Whose key it is; undefined for nobody's. */
  find(digest: string): Consumer | undefined;
  /** Throws a sentence, and changes nothing, when one cannot be used. */
  replace(keys: readonly ApiKey[]): void;
}

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
