// The rules for large and unusual transactions. The database applies them to each row alone (0021, notable_rules), so
// that a regulator can check them. A test compares this list with the database's.

export const RULES = {
  LARGE: 'Rp 10,000,000 or more',
  LARGE_AT_NIGHT: 'Rp 5,000,000 or more, between midnight and five in the morning (Asia/Jakarta)',
  EMPTIED: 'Rp 2,000,000 or more that left nothing in the wallet',
} as const;
export type Rule = keyof typeof RULES;

/** The most examples of each rule, the largest first. */
export const EXAMPLES = 10;
