// The functions of operators served in this process, with an operator who has a session.

import type { Answer } from '../identity/identity-service.ts';
import { type Person, serveWallet, type WalletService } from '../wallet/wallet-service.ts';

export interface OperatorsService extends WalletService {
  nadia: Person;
  post(
    name: 'freeze' | 'thaw' | 'account' | 'api-key' | 'api-key/disable',
    body: unknown,
    as?: Person,
  ): Promise<Answer>;
  get(list: 'freezes' | 'audit' | 'api-keys', search?: Record<string, string>, as?: Person): Promise<Answer>;
  /** The rows of the audit trail, oldest first. */
  trail(): Promise<{ actor: string | null; action: string; subject: string; reason: string; detail: string }[]>;
}

const FUNCTIONS = {
  freeze: 'freeze',
  thaw: 'thaw',
  account: 'change-account',
  freezes: 'list-freezes',
  audit: 'list-audit-trail',
  'api-key': 'issue-api-key',
  'api-key/disable': 'disable-api-key',
  'api-keys': 'list-api-keys',
};

export async function serveOperators(): Promise<OperatorsService> {
  const service = await serveWallet(
    async () => [
      (await import('../../../functions/operators/freeze.ts')).default,
      (await import('../../../functions/operators/thaw.ts')).default,
      (await import('../../../functions/operators/change-account.ts')).default,
      (await import('../../../functions/operators/list-freezes.ts')).default,
      (await import('../../../functions/operators/list-audit-trail.ts')).default,
      (await import('../../../functions/operators/issue-api-key.ts')).default,
      (await import('../../../functions/operators/disable-api-key.ts')).default,
      (await import('../../../functions/operators/list-api-keys.ts')).default,
    ],
    'operator',
  );
  const nadia = await openOperator(service, 'nadia');
  return {
    ...service,
    nadia,
    post: (name, body, as = nadia) => service.call(FUNCTIONS[name], `/v1/operator/${name}`, { as, body, key: '' }),
    get: (list, search = {}, as = nadia) =>
      service.call(FUNCTIONS[list], `/v1/operator/${list}?${new URLSearchParams(search)}`, { method: 'GET', as }),
    trail: async () => {
      const { rows } = await service.admin.query(
        'select actor, action, subject, reason, detail from audit_trail order by id',
      );
      return rows;
    },
  };
}

export async function openOperator(service: WalletService, username: string): Promise<Person> {
  const person = await service.openWallet({ username });
  await service.admin.query("update users set role = 'operator' where id = $1", [person.userId]);
  return person;
}
