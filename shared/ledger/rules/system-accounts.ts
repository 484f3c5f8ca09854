// One Gate's own accounts beside those at providers (shared/providers/<name>/declaration.ts). Migrations make them.

/** Owns the keys that the schedule posts under. No person can send a request for it, and no money lies here. */
export const SCHEDULE_KEYS = '00000000-0000-7000-8000-000000000003';
