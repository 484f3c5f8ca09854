// Requests that wait for a free place, first come, first served. A request whose caller goes away leaves the line.

export interface WaitingLine<Thing> {
  readonly length: number;
  /** Rejects when the signal aborts, or with the error that `refuseAll` is given. */
  wait(signal: AbortSignal): Promise<Thing>;
  /** Gives places away until there is none left or no request waits. */
  serve(next: () => Thing | undefined): void;
  refuseAll(error: Error): void;
}

/** `changed` is called whenever the line has become longer or shorter. */
export function waitingLine<Thing>(changed: () => void): WaitingLine<Thing> {
  const line = new Set<{ resolve(thing: Thing): void; reject(error: Error): void }>();
  return {
    get length() {
      return line.size;
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        const leave = () => waiting.reject(signal.reason as Error);
        const settle = (answer: () => void) => {
          line.delete(waiting);
          signal.removeEventListener('abort', leave);
          answer();
          changed();
        };
        const waiting = {
          resolve: (thing: Thing) => settle(() => resolve(thing)),
          reject: (error: Error) => settle(() => reject(error)),
        };
        signal.addEventListener('abort', leave);
        line.add(waiting);
        changed();
        if (signal.aborted) leave();
      }),
    serve(next) {
      for (const waiting of line) {
        const thing = next();
        if (thing === undefined) return;
        waiting.resolve(thing);
      }
    },
    refuseAll(error) {
      for (const waiting of line) waiting.reject(error);
    },
  };
}
