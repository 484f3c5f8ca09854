// Where the settings of a provider lie in a cluster. Manifests, and what plays them on a laptop, follow from it.

import type { Setting } from '../shared/environment.ts';
import type { DeclaredProvider } from '../shared/providers/providers.ts';

/** What a place sets for all of its functions. */
export const CONFIG_MAP = 'one-gate';

export interface SettingPlace {
  /** The setting's name in the declaration. */
  name: string;
  variable: string;
  kind: 'Secret' | 'ConfigMap';
  object: string;
  key: string;
}

/** A secret has its key in the provider's own Secret; what is no secret has one in the ConfigMap of the place. */
export function placesOf(provider: Pick<DeclaredProvider, 'name' | 'settings'>): SettingPlace[] {
  return Object.entries<Setting>(provider.settings).map(([name, { variable, isSecret }]) => {
    const key = variable.toLowerCase().replaceAll('_', '-');
    return isSecret
      ? {
          name,
          variable,
          kind: 'Secret',
          object: `one-gate-${provider.name}`,
          key: key.slice(provider.name.length + 1),
        }
      : { name, variable, kind: 'ConfigMap', object: CONFIG_MAP, key };
  });
}
