// What a plugin of the local gateway is: the phases that Kong runs a plugin in, as far as we play them.

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export type HeaderValues = Record<string, string | string[]>;

/** One request on its way through the gateway. Names of headers are in lower case. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly method: string;
  /** As it came, without the query. */
  readonly path: string;
  readonly clientAddress: string;
  /** The name of the route, '' where there is none. */
  readonly route: string;
  /** What the function will get; plugins change it. */
  readonly headers: HeaderValues;
  /** Set where a plugin had to read the body; it is then sent instead of the request's stream. */
  body?: Buffer;
  /** The id of a problem that is to be written over what was said. */
  problemId?: string;
  requestId?: string;
}

/** The answer that is about to be sent: the function's own, one that a plugin gave, or one for a failure on the way. */
export interface Answer {
  status: number;
  readonly headers: HeaderValues;
  readonly source: 'service' | 'exit' | 'error';
}

/** What a plugin answers with instead of letting the request through. */
export interface Exit {
  status: number;
  body?: string;
  headers?: HeaderValues;
}

export interface Handler {
  /** Kong's order: higher goes first. */
  readonly priority: number;
  access?(exchange: Exchange): Exit | undefined | Promise<Exit | undefined>;
  headerFilter?(exchange: Exchange, answer: Answer): void;
  /** Called for answers with `exchange.problemId` set; gives the body to send instead. */
  bodyFilter?(exchange: Exchange, answer: Answer, said: string): string;
}

/** A public key that tokens of one kid are verified with, by one algorithm only. */
export interface Credential {
  readonly key: string;
  readonly algorithm: string;
  readonly publicKey: KeyObject;
  readonly consumer: { username: string; customId: string | undefined };
}

/** Counts requests in fixed windows, for all gateways together. */
export interface Counters {
  /** How many have been let through in this window, this one included; more than `limit` when it may not pass. */
  take(key: string, limit: number, seconds: number, timeoutMs: number): Promise<number>;
}

/** What the plugins stand on. */
export interface Ground {
  readonly publicUrl: string;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly counters: Counters;
  /** Where a sentence for the operator goes. */
  warn(sentence: string): void;
}
