// The settings that a test may change while the simulator runs: coming faults, and how notifications are sent.

import type { Clock } from './clock.ts';

export interface Fault {
  /** Service code of the calls it is for: 73 token, 54 payment, 55 status, 57 cancel. */
  service: string;
  /** How many calls it still is for. */
  times: number;
  /** True when the call does its work all the same. */
  process: boolean;
  /** True when the payment of the call is paid at once. */
  pay: boolean;
  delayMs: number;
  answer: 'normal' | 'drop' | 'garbage' | { httpStatus: number; responseCode: string; responseMessage: string };
}

export interface Settings {
  faults: Fault[];
  /** `hold` keeps notifications back until they are released, in either order. */
  notifications: 'send' | 'hold' | 'suppress';
  /** How many times each notification is sent. */
  copies: number;
  /** The answer to a known external id: `conflict` is the standard's, `replay` is Midtrans' as documented. */
  repeatedExternalId: 'conflict' | 'replay';
  /** The payer has no more than this, in rupiah. */
  balance: string;
}

export function defaultSettings(): Settings {
  return { faults: [], notifications: 'send', copies: 1, repeatedExternalId: 'conflict', balance: '20000000.00' };
}

/** The two scenarios that have a name of their own. */
export const SCENARIOS = {
  '202_then_00': {
    service: '54',
    pay: true,
    answer: { httpStatus: 202, responseCode: '2025400', responseMessage: 'Request In Progress' },
  },
  '504_but_paid': {
    service: '54',
    pay: true,
    answer: { httpStatus: 504, responseCode: '5045400', responseMessage: 'Timeout' },
  },
} satisfies Record<string, Partial<Fault>>;

export function resetSettings(settings: Settings, clock: Clock): void {
  Object.assign(settings, defaultSettings());
  clock.offsetMs = 0;
}

/** Takes the next fault for a service, counting it down. */
export function nextFault(settings: Settings, service: string): Fault | undefined {
  const index = settings.faults.findIndex((fault) => fault.service === service);
  const fault = settings.faults[index];
  if (!fault) return undefined;
  fault.times--;
  if (fault.times <= 0) settings.faults.splice(index, 1);
  return fault;
}
