// The rules that point at large and unusual transactions. They are decided by the row alone, in the database (0021, notable_rules), so that
// anybody can check them; a test holds the two together.

export const RULES = {
  LARGE: 'Rp 10,000,000 or more',
  LARGE_AT_NIGHT: 'Rp 5,000,000 or more, between midnight and five in the morning (Asia/Jakarta)',
  EMPTIED: 'Rp 2,000,000 or more that left nothing in the wallet',
} as const;
export type Rule = keyof typeof RULES;

/** Shown of each rule, the largest first. */
export const EXAMPLES = 10;
