// The GoPay simulator as a process of its own: `node test/sandbox/gopay/server.ts --port 9101 ...`. Every option may also come from
// the environment, in capitals: PORT, HOST, PUBLIC_URL, NOTIFICATION_URL, CLIENT_ID, CLIENT_SECRET, MERCHANT_ID, PARTNER_ID,
// MERCHANT_NAME, MERCHANT_PUBLIC_KEY and PRIVATE_KEY (each a PEM or the path of one), STATE_FILE. With CREDENTIALS_FILE it makes the
// credentials of both sides itself, and the merchant finds its own there.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { credentialsIn } from './credentials.ts';
import { startGopaySimulator } from './simulator.ts';

const names = [
  'port',
  'host',
  'public-url',
  'notification-url',
  'client-id',
  'client-secret',
  'merchant-id',
  'partner-id',
  'merchant-name',
  'merchant-public-key',
  'private-key',
  'state-file',
  'credentials-file',
] as const;
type Name = (typeof names)[number];

const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });

function optional(name: Name): string | undefined {
  return (values[name] as string | undefined) || process.env[name.toUpperCase().replaceAll('-', '_')] || undefined;
}

function required(name: Name): string {
  const value = optional(name);
  if (value) return value;
  process.stderr.write(`--${name} (or ${name.toUpperCase().replaceAll('-', '_')}) must be given\n`);
  process.exit(2);
}

function pem(name: Name, otherwise: string | undefined): string {
  const value = otherwise ?? required(name);
  return value.includes('-----BEGIN') ? value : readFileSync(value, 'utf8');
}

function given<Value>(key: string, value: Value | undefined): Record<string, Value> {
  return value === undefined ? {} : { [key]: value };
}

const port = Number(optional('port') ?? 9101);
const file = optional('credentials-file');
const credentials = file ? credentialsIn(file, optional('public-url') ?? `http://localhost:${port}`) : undefined;
const settings = credentials?.settings;

const simulator = await startGopaySimulator({
  port,
  notificationUrl: required('notification-url'),
  clientId: settings?.clientId ?? required('client-id'),
  clientSecret: settings?.clientSecret ?? required('client-secret'),
  merchantId: settings?.merchantId ?? required('merchant-id'),
  partnerId: settings?.partnerId ?? required('partner-id'),
  merchantPublicKey: pem('merchant-public-key', credentials?.merchantPublicKey),
  privateKey: pem('private-key', credentials?.providerPrivateKey),
  ...given('host', optional('host')),
  ...given('publicUrl', optional('public-url')?.replace(/\/+$/, '')),
  ...given('merchantName', optional('merchant-name')),
  ...given('stateFile', optional('state-file')),
});
process.stdout.write(`GoPay simulator: ${simulator.url}\n`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void simulator.close().then(() => process.exit(0)));
}
