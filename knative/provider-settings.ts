// Where a provider's settings lie in a cluster: all in one Secret, since an account and the address where it is valid
// change together. Manifests and the local platform read this.

import type { Setting } from '../shared/platform/environment.ts';
import type { DeclaredProvider } from '../shared/providers/providers.ts';

export interface SettingPlace {
  /** The setting's name in the declaration. */
  setting: string;
  variable: string;
  /** In the Secret. */
  key: string;
}

export interface ProviderSecret {
  name: string;
  places: SettingPlace[];
}

export function secretOf({ name, settings }: Pick<DeclaredProvider, 'name' | 'settings'>): ProviderSecret {
  const places = Object.entries<Setting>(settings).map(([setting, { variable }]) => ({
    setting,
    variable,
    key: variable.toLowerCase().replaceAll('_', '-').slice(`${name}-`.length),
  }));
  return { name: `one-gate-${name}`, places };
}
