// Steps that begin with the first request of an instance, before its function is known, because a caller waits for a
// cold function.

let steps: (() => void)[] | undefined = [];

/**
 * Registers a step, which must not throw. It does not run in an instance that only answers probes, nor after the first
 * request.
 */
export function atFirstRequest(step: () => void): void {
  steps?.push(step);
}

/** The host calls it with every request. */
export function wake(): void {
  if (!steps) return;
  const due = steps;
  steps = undefined;
  for (const step of due) step();
}
