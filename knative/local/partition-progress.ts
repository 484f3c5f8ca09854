// Tells how much of a partition may be committed while many of its events are on their way: everything before the first
// unfinished one.

export interface PartitionProgress {
  /** Returns a function to call when the event is finished. */
  begin(offset: string): () => void;
  /** The offset to commit, if it has moved. */
  committable(): { topic: string; partition: number; offset: string }[];
}

export function partitionProgress(topic: string, partition: number): PartitionProgress {
  const open = new Set<bigint>();
  let next: bigint | undefined;
  let committed: bigint | undefined;
  return {
    begin(offset) {
      const number = BigInt(offset);
      open.add(number);
      if (next === undefined || number >= next) next = number + 1n;
      return () => open.delete(number);
    },
    committable() {
      if (next === undefined) return [];
      let least = next;
      for (const number of open) if (number < least) least = number;
      if (least === committed) return [];
      committed = least;
      return [{ topic, partition, offset: least.toString() }];
    },
  };
}
