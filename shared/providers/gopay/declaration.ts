// Everything about GoPay that the rest of the project needs to know.

import { declareProvider } from '../declaration.ts';
import { snapNotifications } from '../snap/notification-message.ts';

export const gopay = declareProvider({
  method: 'GOPAY',
  name: 'gopay',
  title: 'GoPay',
  capabilities: ['topup', 'cancel'],
  settings: {
    baseUrl: { variable: 'GOPAY_BASE_URL', holds: 'the address of the GoPay SNAP API' },
    clientId: { variable: 'GOPAY_CLIENT_ID', holds: 'the client id GoPay gave us' },
    clientSecret: { variable: 'GOPAY_CLIENT_SECRET', holds: 'the client secret GoPay gave us' },
    privateKey: { variable: 'GOPAY_PRIVATE_KEY', holds: 'our RSA private key for SNAP, as PEM' },
    publicKey: { variable: 'GOPAY_PUBLIC_KEY', holds: "GoPay's RSA public key, as PEM" },
    merchantId: { variable: 'GOPAY_MERCHANT_ID', holds: 'our merchant id at GoPay' },
    partnerId: { variable: 'GOPAY_PARTNER_ID', holds: 'our partner id at GoPay' },
    channelId: { variable: 'GOPAY_CHANNEL_ID', holds: 'our channel id at GoPay' },
  },
  // Migration 0002 creates them.
  accounts: {
    clearing: '00000000-0000-7000-8000-000000000001',
    suspense: '00000000-0000-7000-8000-000000000002',
  },
  topic: 'one-gate.topups.gopay',
  notifications: snapNotifications('gopay', 'GoPay'),
  open: async (settings) => (await import('./gopay.ts')).gopayProvider(settings),
});
