// What must still be done before the process ends, in this order: finish work, then close connections, then hand over telemetry.

const PHASES = ['work', 'connections', 'telemetry'] as const;
type Phase = (typeof PHASES)[number];

const steps = new Map<Phase, Set<() => Promise<void>>>(PHASES.map((phase) => [phase, new Set()]));

/** Registers a step; the function that comes back takes it away again. */
export function beforeShutdown(phase: Phase, step: () => Promise<void>): () => void {
  steps.get(phase)?.add(step);
  return () => steps.get(phase)?.delete(step);
}

/** Runs every step once; a failing one is reported and does not keep the others from running. */
export async function runShutdown(report: (error: unknown) => void): Promise<void> {
  for (const phase of PHASES) {
    const due = [...(steps.get(phase) ?? [])];
    steps.get(phase)?.clear();
    for (const result of await Promise.allSettled(due.map((step) => step()))) {
      if (result.status === 'rejected') report(result.reason);
    }
  }
}
