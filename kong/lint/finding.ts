// One sentence about one place of one object. Refusals of a real cluster are facts, proven against recorded verdicts;
// our own policy goes beyond them, each rule with its reason.

export interface Finding {
  /** `refused`: by the webhook or the API server of a default cluster, or by Kong. `ours`: by our policy alone. */
  kind: 'refused' | 'ours';
  /** Such as `spec.template.spec.containers[0].image`; empty for the whole object. */
  path: string;
  sentence: string;
}

export const refused = (path: string, sentence: string): Finding => ({ kind: 'refused', path, sentence });
export const ours = (path: string, sentence: string): Finding => ({ kind: 'ours', path, sentence });
