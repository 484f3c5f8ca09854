// What can begin with the first request that an instance gets, before anybody knows what it wants: a cold function makes somebody wait.

let steps: (() => void)[] | undefined = [];

/** Registers a step, which must not throw. Nothing happens in an instance that only answers probes, or once it has begun. */
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
