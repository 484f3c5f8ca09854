// One sentence about one place of one object. Two kinds are kept apart: what a real cluster refuses is a fact, proven against recorded
// verdicts; what we refuse beyond that is our own policy, each rule with its reason.

export interface Finding {
  /** `refused`: by the webhook or the API server of a default cluster (for kong.yaml: by Kong). `ours`: by nobody but us. */
  kind: 'refused' | 'ours';
  /** Such as `spec.template.spec.containers[0].image`; empty for the whole object. */
  path: string;
  sentence: string;
}

export const refused = (path: string, sentence: string): Finding => ({ kind: 'refused', path, sentence });
export const ours = (path: string, sentence: string): Finding => ({ kind: 'ours', path, sentence });
