// A provider's declaration of itself. It is data: importing it opens nothing and reads no environment, so that programs
// can derive schemas, manifests and documents from it.

import type { GenericSchema } from 'valibot';
import type { Setting } from '../platform/environment.ts';
import type { Provider } from './provider.ts';

/** A payment method that callers may name. */
export interface PaymentMethodDeclaration<Method extends string = string> {
  /** The method, as the API, the tables and the events write it. */
  method: Method;
  /** The name for people. */
  title: string;
}

/** A provider's capability. `topup`: it takes money for wallets. `cancel`: it can cancel a payment. */
export type Capability = 'topup' | 'cancel';

export interface ProviderDeclaration<Method extends string = string, Settings extends Declared = Declared>
  extends PaymentMethodDeclaration<Method> {
  /** The name of its folder, its simulator, its label and its Secret, in lower case with dashes. */
  name: string;
  capabilities: readonly Capability[];
  settings: Settings;
  /** Our accounts for its money. A migration creates them. */
  accounts: {
    /** Falls with every payment that the provider takes: the money that it holds for us, with the sign turned. */
    clearing: string;
    /** Money that the provider holds for us and that could not go to the intended wallet. */
    suspense: string;
  };
  /** The topic of events about its payments. Each provider has its own, so that a slow one does not hold up another. */
  topic: string;
  /** Absent if the provider sends no notifications and must be asked. */
  notifications?: Notifications;
  /** Loads its code and makes its API with these settings. Throws if a setting is unusable. */
  open(settings: Record<keyof Settings, string>): Promise<Provider>;
}

type Declared = Readonly<Record<string, Setting>>;

/** The provider's notifications in its own protocol, for the document. The API verifies them on the signed bytes. */
export interface Notifications {
  paths: readonly `/v1/notifications/${string}`[];
  description: string;
  headers: GenericSchema;
  body: GenericSchema;
  answer: GenericSchema;
  alsoStatus: Readonly<Record<number, string>>;
}

/** Checks types only. */
export function declareProvider<const Method extends string, Settings extends Declared>(
  declaration: ProviderDeclaration<Method, Settings>,
): ProviderDeclaration<Method, Settings> {
  return declaration;
}
