// Kong's services and routes, from every declared function and the Service that hosts it.

import { join } from 'node:path';
import * as v from 'valibot';
import { routesFile } from '../../kong/routes.ts';
import { declaredFunctions, hostsOf, ROOT } from '../functions.ts';
import { renderKustomization } from '../local/kustomize.ts';
import { service } from '../local/manifest-schema.ts';

export async function routesOfGateway(): Promise<string> {
  const functions = await declaredFunctions();
  const hosts = hostsOf(
    functions.map(({ path }) => path),
    await services(),
  );
  return routesFile(
    functions.flatMap(({ path, declaration }) => {
      const host = hosts.get(path);
      return host ? [{ declaration, service: host }] : [];
    }),
  );
}

async function services() {
  const objects = await renderKustomization(join(ROOT, 'knative/base'));
  return objects
    .filter(({ object: { apiVersion, kind } }) => apiVersion === 'serving.knative.dev/v1' && kind === 'Service')
    .map(({ object }) => {
      const { metadata, spec } = v.parse(service, object);
      const { timeoutSeconds, containers } = spec.template.spec;
      return { name: metadata.name, args: containers[0].args, timeoutSeconds };
    });
}
