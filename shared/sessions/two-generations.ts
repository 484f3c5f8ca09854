// A bounded map that forgets roughly the least recently used entries: a full young generation becomes the old one, and
// a hit in the old one moves back to the young. Unlike in an exact LRU, a hit in the young generation writes nothing.

export interface Remembered<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/** Holds between `size` and twice `size` of the most recently used entries. */
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
