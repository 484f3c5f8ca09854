// Recorded verdicts of Knative's real webhook (1.23.0 and 1.17.2 agree on all of them), as changes to a Service that it accepted.

import vectors from './fixtures/admission-vectors.json' with { type: 'json' };

export interface AdmissionCase {
  name: string;
  accepted: boolean;
  /** The webhook's own words; empty where it accepted. */
  message: string;
  service: Record<string, unknown>;
}

export const admissionCases: AdmissionCase[] = vectors.cases.map(({ name, accepted, message, changes }) => ({
  name,
  accepted,
  message,
  service: changes.reduce((service, change) => changed(service, change), goodService()),
}));

export function goodService(): Record<string, unknown> {
  return structuredClone(vectors.base) as Record<string, unknown>;
}

/** A value is put at the path; without one, what is there is removed. */
export function changed<T>(object: T, change: { at: (string | number)[]; value?: unknown }): T {
  const copy = structuredClone(object);
  const parent = change.at
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>(
      (node, step) => node[step] as Record<string | number, unknown>,
      copy as Record<string | number, unknown>,
    );
  const last = change.at.at(-1) ?? '';
  if (change.value === undefined) delete parent[last];
  else parent[last] = change.value;
  return copy;
}
