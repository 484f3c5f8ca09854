// A bounded map that forgets what has not been used for longest, nearly: when the young generation is full it becomes the old one,
// and what is still used comes back from there. A hit in the young generation changes nothing, unlike in an exact LRU.

export interface Remembered<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/** Holds from `size` to twice `size` of the entries used last. */
export function twoGenerations<Value>(size: number): Remembered<Value> {
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();

  function set(key: string, value: Value): void {
    if (young.size >= size && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }

  function get(key: string): Value | undefined {
    const value = young.get(key);
    if (value !== undefined) return value;
    const kept = old.get(key);
    if (kept !== undefined) set(key, kept);
    return kept;
  }

  return { get, set };
}
