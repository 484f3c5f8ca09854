// API keys as Kong holds them: the consumer, and a digest from which the key cannot be read.

export interface ApiKey {
  /** The username of a consumer in kong.yaml. */
  consumer: string;
  /** The lower-case hex of the SHA-1 of "one-gate-kong:" and the key, as kong.yaml's digest-the-api-key makes it. */
  digest: string;
}

/** Throws a sentence about the first key that Kong could not use. `consumers` are the ones that may have keys. */
export function refuseUnusableKeys(keys: readonly ApiKey[], consumers: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const { consumer, digest } of keys) {
    if (!consumers.has(consumer)) throw new Error(`kong.yaml has no consumer ${consumer} that takes API keys.`);
    if (!/^[0-9a-f]{40}$/.test(digest)) throw new Error(`A key of ${consumer} has a digest that is not 40 hex digits.`);
    if (seen.has(digest)) throw new Error(`A key of ${consumer} is there twice.`);
    seen.add(digest);
  }
}
