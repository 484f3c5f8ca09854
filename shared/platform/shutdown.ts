// Steps before the process ends, in this order: finish work, then close connections, then send telemetry.

const PHASES = ['work', 'connections', 'telemetry'] as const;
type Phase = (typeof PHASES)[number];

const steps = new Map<Phase, Set<() => Promise<void>>>(PHASES.map((phase) => [phase, new Set()]));

/** Registers a step. Call the returned function to remove it. */
export function beforeShutdown(phase: Phase, step: () => Promise<void>): () => void {
  steps.get(phase)?.add(step);
  return () => steps.get(phase)?.delete(step);
}

/** Runs every step once. A failing step is reported and does not stop the others. */
export async function runShutdown(report: (error: unknown) => void): Promise<void> {
  for (const phase of PHASES) {
    const due = [...(steps.get(phase) ?? [])];
    steps.get(phase)?.clear();
    for (const result of await Promise.allSettled(due.map((step) => step()))) {
      if (result.status === 'rejected') report(result.reason);
    }
  }
}
