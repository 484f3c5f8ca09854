// A provider's declaration agrees with its folder, its simulator, its accounts in the database, its objects in the
// cluster.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ROOT } from '../../../knative/functions.ts';
import { type KubernetesObject, renderKustomization } from '../../../knative/local/kustomize.ts';
import { type Manifests, readManifests } from '../../../knative/local/manifests.ts';
import { secretOf } from '../../../knative/provider-settings.ts';
import type { Setting } from '../../../shared/platform/environment.ts';
import { paymentMethods, providers } from '../../../shared/providers/providers.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let manifests: Manifests;
let objects: KubernetesObject[];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  manifests = await readManifests(join(ROOT, 'knative/base'));
  objects = (await renderKustomization(join(ROOT, 'knative/overlays/production'))).map(({ object }) => object);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

test('every folder that declares a payment method is in the list', async () => {
  const folder = join(ROOT, 'shared/providers');
  const declared = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'declaration.ts')));
  const methods = await Promise.all(
    declared.map(async (name) =>
      Object.values<{ method: string }>(await import(pathToFileURL(join(folder, name, 'declaration.ts')).href)),
    ),
  );
  expect(methods.flatMap((exported) => exported.map(({ method }) => method)).sort()).toEqual(
    [...paymentMethods].sort(),
  );
});

test('the database knows every method, and no other', async () => {
  const { rows } = await admin.query('select unnest(enum_range(null::payment_method_enum))::text as method');
  expect(rows.map(({ method }) => method).sort()).toEqual([...paymentMethods].sort());
});

describe.each(providers.map((provider) => [provider.name, provider] as const))('%s', (name, provider) => {
  test('has the same name as its folder, its simulator and its environment', () => {
    expect(existsSync(join(ROOT, 'shared/providers', name, 'declaration.ts'))).toBe(true);
    expect(existsSync(join(ROOT, 'test/sandbox', name, 'server.ts'))).toBe(true);
    const prefix = `${name.toUpperCase().replaceAll('-', '_')}_`;
    const variables = Object.values<Setting>(provider.settings).map(({ variable }) => variable);
    expect(variables.filter((variable) => !variable.startsWith(prefix))).toEqual([]);
    expect(new Set(variables).size).toBe(variables.length);
  });

  test('has notification paths of its own', () => {
    for (const path of provider.notifications?.paths ?? [])
      expect(path.startsWith(`/v1/notifications/${name}/`)).toBe(true);
  });

  test('has accounts of its own', async () => {
    const { clearing, suspense } = provider.accounts;
    const { rows } = await admin.query(
      'select id, kind::text, name from accounts where id = any($1::uuid[]) order by name',
      [[clearing, suspense]],
    );
    expect(rows).toEqual([
      { id: clearing, kind: 'SYSTEM', name: `clearing:${name}` },
      { id: suspense, kind: 'SYSTEM', name: `suspense:${name}` },
    ]);
  });

  test('has its settings in the environment of every function that calls it, and of no other', () => {
    const { name: secret, places } = secretOf(provider);
    const wanted = places.map(({ variable, key }) => `${variable} ${secret} ${key}`).sort();
    const having = manifests.services.flatMap((service) => {
      const entries = service.environment.filter((entry) => places.some(({ variable }) => variable === entry.name));
      const said = entries.map((entry) =>
        'object' in entry ? `${entry.name} ${entry.object} ${entry.key}` : entry.name,
      );
      return said.length > 0 ? [{ name: service.name, said: said.sort() }] : [];
    });
    for (const { name: service, said } of having) expect({ service, said }).toEqual({ service, said: wanted });
    expect(having.map((each) => each.name).sort()).toEqual(['notifications', 'topup', 'topups']);
  });

  test('has all of its settings in the store', () => {
    const secret = objects.find(
      ({ kind, metadata }) => kind === 'ExternalSecret' && metadata.name === secretOf(provider).name,
    ) as (KubernetesObject & { spec: { data: { secretKey: string }[] } }) | undefined;
    expect(secret?.spec.data.map(({ secretKey }) => secretKey)).toEqual(
      secretOf(provider).places.map(({ key }) => key),
    );
  });

  test('has its topic, and a source that hands its events to settle-topup', () => {
    const source = manifests.kafkaSources.find((each) => each.name === `settle-topup-${name}`);
    expect(source).toMatchObject({
      topics: [provider.topic],
      sink: { service: 'topups', path: '/events/settle-topup' },
      deadLetterTopic: `${provider.topic}.dead-letters`,
    });
    expect(manifests.topics.map((topic) => topic.name)).toEqual(
      expect.arrayContaining([provider.topic, `${provider.topic}.dead-letters`]),
    );
  });
});
