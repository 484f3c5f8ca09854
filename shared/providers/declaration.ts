// What a provider declares about itself. It is data: importing it opens nothing and reads no environment, so that whatever follows from it
// (schemas, manifests, documents) can be derived by a program.

import type { GenericSchema } from 'valibot';
import type { Setting } from '../platform/environment.ts';
import type { Provider } from './provider.ts';

/** A payment method that callers may name. */
export interface PaymentMethodDeclaration<Method extends string = string> {
  /** As the API, the tables and the events write it. */
  method: Method;
  /** As people write it. */
  title: string;
}

/** What a provider can be used for. `topup`: it takes money for wallets. `cancel`: a payment there can be given up. */
export type Capability = 'topup' | 'cancel';

export interface ProviderDeclaration<Method extends string = string, Settings extends Declared = Declared>
  extends PaymentMethodDeclaration<Method> {
  /** Of its folder, its simulator, its label and its Secret, in lower case with dashes. */
  name: string;
  capabilities: readonly Capability[];
  settings: Settings;
  /** Our accounts for what it holds for us; a migration makes them. */
  accounts: {
    /** Falls with every payment that it has taken: what it holds for us, with the sign turned. */
    clearing: string;
    /** Money that it holds for us and that cannot go to the wallet it was meant for. */
    suspense: string;
  };
  /** Of the events about its payments: a slow provider must not hold up another. */
  topic: string;
  /** Absent: it tells nothing, and is only asked. */
  notifications?: Notifications;
  /** Loads its code and makes its API with these settings. Throws when a setting cannot be used. */
  open(settings: Record<keyof Settings, string>): Promise<Provider>;
}

type Declared = Readonly<Record<string, Setting>>;

/** What the provider posts, by its own protocol: for the document. The API verifies it, on the bytes that were signed. */
export interface Notifications {
  paths: readonly `/v1/notifications/${string}`[];
  description: string;
  headers: GenericSchema;
  body: GenericSchema;
  answer: GenericSchema;
  alsoStatus: Readonly<Record<number, string>>;
}

/** Only checks types. */
export function declareProvider<const Method extends string, Settings extends Declared>(
  declaration: ProviderDeclaration<Method, Settings>,
): ProviderDeclaration<Method, Settings> {
  return declaration;
}
