// The accounts of one run, the interventions of operators, and the state of the accounts in the database afterwards.

import type pg from 'pg';
import type { Limits } from '../../../shared/ledger/rules/words.ts';
import { openAccount } from '../../setup/accounts.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from '../../setup/gopay-accounts.ts';
import { Model, type ModelAccount } from './model.ts';
import type { Intervention } from './plan.ts';
import type { Cast } from './roles.ts';

/** Small enough that random operations meet them. Minor units. */
export const LIMITS: Limits = {
  UNVERIFIED: { BALANCE: 30_000n, MONTHLY_INCOMING: 90_000n },
  VERIFIED: { BALANCE: 100_000n, MONTHLY_INCOMING: 200_000n },
};

/** Puts LIMITS in force. Only in a database of the test's own. */
export async function lowerLimits(admin: pg.Client): Promise<void> {
  for (const [holder, rules] of Object.entries(LIMITS)) {
    for (const [rule, value] of Object.entries(rules)) {
      await admin.query('update emoney_limits set value = $3::numeric / 100 where holder = $1 and rule = $2', [
        holder,
        rule,
        value.toString(),
      ]);
    }
  }
}

/** New accounts, and a model that starts from the database's state. */
export async function openCast(admin: pg.Client): Promise<{ cast: Cast; model: Model }> {
  const ada = await openAccount(admin, { balance: '100.00' });
  const idOf = async (options: Parameters<typeof openAccount>[1]) => (await openAccount(admin, options)).accountId;
  const accounts: Cast['accounts'] = {
    ada: ada.accountId,
    bob: await idOf({ balance: '100.00' }),
    eve: await idOf({ balance: '500.00' }),
    shop: await idOf({ balance: '200.00', type: 'merchant' }),
    stall: await idOf({ balance: '200.00', type: 'merchant' }),
    suspended: await idOf({ balance: '100.00', status: 'SUSPENDED' }),
    closed: await idOf({ status: 'CLOSED' }),
    foreign: await idOf({}),
    nobody: '00000000-0000-7000-8000-00000000dead',
    clearing: GOPAY_CLEARING,
  };
  await admin.query("update accounts set currency = 'USD' where id = $1", [accounts.foreign]);
  await admin.query('update accounts set verified_at = now() where id = $1', [accounts.eve]);
  const cast = { accounts, operator: ada.userId };
  return { cast, model: new Model(await readAccounts(admin, cast), LIMITS) };
}

export async function readAccounts(client: pg.Client, { accounts }: Cast): Promise<ModelAccount[]> {
  const { rows } = await client.query(
    `select id, kind, account_status as status, currency, verified_at is not null as verified, (balance * 100)::bigint as balance,
            (held * 100)::bigint as held, (pending * 100)::bigint as pending, (incoming * 100)::bigint as incoming, version
       from accounts where id = any($1)`,
    [[...Object.values(accounts), GOPAY_SUSPENSE]],
  );
  return rows.map((row) => ({
    ...row,
    balance: BigInt(row.balance),
    held: BigInt(row.held),
    pending: BigInt(row.pending),
    incoming: BigInt(row.incoming),
    version: BigInt(row.version),
  }));
}

/** Does it in the database and in the model; returns the differences. */
export async function intervene(
  admin: pg.Client,
  model: Model,
  { accounts, operator }: Cast,
  intervention: Intervention,
): Promise<string[]> {
  switch (intervention.does) {
    case 'status': {
      const id = accounts[intervention.who];
      const isAllowed = model.setStatus(id, intervention.status);
      const wasAllowed = await admin
        .query('update accounts set account_status = $2 where id = $1', [id, intervention.status])
        .then(() => true)
        .catch(() => false);
      return isAllowed === wasAllowed ? [] : [`${intervention.who} becomes ${intervention.status}: ${wasAllowed}`];
    }
    case 'verify':
      await admin.query('update accounts set verified_at = now() where id = $1', [accounts[intervention.who]]);
      (model.accounts.get(accounts[intervention.who]) as ModelAccount).verified = true;
      return [];
    case 'freeze': {
      const { scope, who, by } = intervention;
      const subject = { ALL: '', ACCOUNT: accounts[who], FUNCTION: by }[scope];
      await admin.query(
        `insert into freezes (scope, subject, reason, frozen_by) values ($1, $2, 'a test', $3) on conflict do nothing`,
        [scope, subject, operator],
      );
      if (scope === 'ALL') model.frozen.all = true;
      else model.frozen[scope === 'ACCOUNT' ? 'accounts' : 'functions'].add(subject);
      return [];
    }
    case 'thaw':
      await thaw(admin, operator);
      model.frozen.all = false;
      model.frozen.accounts.clear();
      model.frozen.functions.clear();
      return [];
    case 'expire':
      await admin.query(
        `update holds set held_at = held_at - interval '2 hours', expires_at = expires_at - interval '2 hours'
          where operation_id = $1`,
        [intervention.operationId],
      );
      model.expire(intervention.operationId);
      return [];
  }
}

export async function thaw(admin: pg.Client, operator: string): Promise<void> {
  await admin.query('update freezes set thawed_at = now(), thawed_by = $1 where thawed_at is null', [operator]);
}
