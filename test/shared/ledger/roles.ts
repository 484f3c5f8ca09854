// The accounts that commands of a run name, by their parts.

export type Role =
  | 'ada'
  | 'bob'
  | 'eve'
  | 'shop'
  | 'stall'
  | 'suspended'
  | 'closed'
  | 'foreign'
  | 'nobody'
  | 'clearing';

export interface Cast {
  /** Account ids. */
  accounts: Record<Role, string>;
  /** A user whom freezes can name. */
  operator: string;
}
