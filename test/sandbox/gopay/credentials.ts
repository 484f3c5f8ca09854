// The credentials by which GoPay and its merchant know each other, as a sandbox's dashboard issues them: made once and
// kept in a file, which the platform reads. `settings` are those that the provider declares
// (shared/providers/gopay/declaration.ts).

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { GopayConfiguration } from '../../../shared/providers/gopay/gopay.ts';

type Settings = Pick<
  GopayConfiguration,
  'baseUrl' | 'clientId' | 'clientSecret' | 'privateKey' | 'publicKey' | 'merchantId' | 'partnerId' | 'channelId'
>;

export interface Credentials {
  settings: Settings;
  /** The other halves of the keys: the merchant's public one, and the provider's private one. */
  merchantPublicKey: string;
  providerPrivateKey: string;
}

export function credentialsIn(file: string, baseUrl: string): Credentials {
  const kept = read(file) ?? makeCredentials();
  const credentials = { ...kept, settings: { ...kept.settings, baseUrl } };
  // Writes the file whole or not at all.
  writeFileSync(`${file}.new`, JSON.stringify(credentials, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return credentials;
}

export function makeCredentials(): Credentials {
  const [merchant, provider] = [makeKeyPair(), makeKeyPair()];
  return {
    settings: {
      baseUrl: '',
      clientId: `one-gate-${randomBytes(4).toString('hex')}`,
      clientSecret: randomBytes(32).toString('base64url'),
      privateKey: merchant.privateKey,
      publicKey: provider.publicKey,
      merchantId: 'G012345678',
      partnerId: 'one-gate',
      channelId: '95221',
    },
    merchantPublicKey: merchant.publicKey,
    providerPrivateKey: provider.privateKey,
  };
}

function read(file: string): Credentials | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function makeKeyPair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
