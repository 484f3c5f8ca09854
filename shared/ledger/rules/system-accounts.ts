// One Gate's own accounts, except those at providers (shared/providers/<name>/declaration.ts). Migrations create them.

/** Owns the keys of the schedule's postings. People cannot send requests for it, and it holds no money. */
export const SCHEDULE_KEYS = '00000000-0000-7000-8000-000000000003';
