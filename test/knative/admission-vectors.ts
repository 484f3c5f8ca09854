// Recorded verdicts of Knative's real webhook (1.23.0 and 1.17.2 agree on all of them), as changes to a Service that it accepted.

import { changed } from '../setup/changed.ts';
import vectors from './fixtures/admission-vectors.json' with { type: 'json' };

export interface AdmissionCase {
  name: string;
  accepted: boolean;
  /** The webhook's own words; empty when it accepted. */
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
