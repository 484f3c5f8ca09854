// The outbox table: committed events that may not be published yet.

import { type Query, query } from '../database/database.ts';
import type { OutboxEvent } from './event.ts';

/**
 * Adds events in the transaction that they report. Publish them after its commit. (The ledger adds its own events
 * itself.)
 */
export async function addToOutbox(query: Query, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  await query({
    name: 'outbox-add',
    text: `
      insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
      select id, topic, type, source, subject, "partitionKey", sequence, data, traceparent
        from json_to_recordset($1) as new (id uuid, topic varchar, type varchar, source varchar, subject varchar,
             "partitionKey" varchar, sequence bigint, data text, traceparent varchar)`,
    values: [JSON.stringify(events)],
  });
}

/** Counts unpublished events older than `seconds`, up to `most`. A number that stays above zero is a fault. */
export async function countOverdue(query: Query, seconds: number, most: number): Promise<number> {
  const [row] = await query<{ overdue: number }>({
    text: `
      select count(*)::int as overdue
        from (select 1 from outbox where created_at < now() - make_interval(secs => $1) limit $2) waiting`,
    values: [seconds, most],
  });
  return row?.overdue ?? 0;
}

/** Removes published events. */
export async function removeFromOutbox(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await query({
    name: 'outbox-remove',
    text: 'delete from outbox where id = any($1::uuid[])',
    values: [`{${ids.join(',')}}`],
  });
}

/**
 * Claims up to `count` events that are older than `olderThanSeconds` and not claimed. The claim is a lease of
 * `leaseSeconds`: it ends by itself if its holder dies, and no row is locked during the send.
 */
export async function leaseFromOutbox(
  count: number,
  olderThanSeconds: number,
  leaseSeconds: number,
): Promise<OutboxEvent[]> {
  return query<OutboxEvent & { [column: string]: unknown }>({
    name: 'outbox-lease',
    text: `
      update outbox set leased_until = now() + make_interval(secs => $3)
       where id in (
         select id from outbox
          where created_at < now() - make_interval(secs => $2) and (leased_until is null or leased_until < now())
          order by id limit $1 for update skip locked)
      returning id, topic, type, source, subject, partition_key as "partitionKey", sequence, data, traceparent`,
    values: [count, olderThanSeconds, leaseSeconds],
  });
}
