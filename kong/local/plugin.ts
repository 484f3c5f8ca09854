// What a plugin of the local gateway is: the phases that Kong runs a plugin in, as far as we play them.

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApiKey } from '../api-key.ts';
import type { LogQueues } from './log-queue.ts';

export type HeaderValues = Record<string, string | string[]>;

/** One request on its way through the gateway. Names of headers are in lower case. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly method: string;
  /** As it came, without the query. */
  readonly path: string;
  /** What the function will get after the path, with its question mark; plugins change it. */
  search: string;
  readonly clientAddress: string;
  readonly startedAt: number;
  /** Kong's own id of the request, 32 hex digits; no caller can choose it. */
  readonly kongRequestId: string;
  /** The name of the route, '' where there is none. */
  readonly route: string;
  /** What the function will get; plugins change it. */
  readonly headers: HeaderValues;
  /** Set once it has been read, which is after the last plugin. */
  body?: Buffer;
  /** The id of a problem that is to be written over what was said. */
  problemId?: string;
  requestId?: string;
  /** Who it is, once a plugin knows. */
  consumer?: Consumer;
  /** Where the answer came from, and what the function said, '' where none was asked. */
  answered: { source: Answer['source']; upstreamStatus: string };
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
  /** Called when it is over, whatever became of it; 499 where the caller went away before the answer. */
  log?(exchange: Exchange, status: number): void;
}

export interface Consumer {
  readonly username: string;
  readonly customId: string | undefined;
  readonly groups: readonly string[];
}

/** A public key that tokens of one kid are verified with, by one algorithm only. */
export interface Credential {
  readonly key: string;
  readonly algorithm: string;
  readonly publicKey: KeyObject;
  readonly consumer: Consumer;
}

/** The API keys that the gateway lets in, by their digests. */
export interface ApiKeys {
  /** The consumer of a key; undefined when the key is unknown. */
  find(digest: string): Consumer | undefined;
  /** Throws a sentence, and changes nothing, when one cannot be used. */
  replace(keys: readonly ApiKey[]): void;
}

/** Counts requests in fixed windows, for all gateways together. */
export interface Counters {
  /** How many there have been in this window, this one included, let through or not. Throws when Redis is away or refuses us. */
  take(key: string, seconds: number, redis: { password: string | undefined; timeoutMs: number }): Promise<number>;
}

/** What the plugins stand on. */
export interface Ground {
  readonly publicUrl: string;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly apiKeys: ApiKeys;
  /** The variables of Kong's process, which `{vault://env/...}` refers to. */
  readonly environment: Readonly<Record<string, string>>;
  readonly counters: Counters;
  readonly logQueues: LogQueues;
  /** Sends a body to a function of the cluster; throws a sentence when it was not taken. */
  post(to: URL, headers: Record<string, string>, body: string, timeoutMs: number): Promise<void>;
  /** Where a sentence for the operator goes. */
  warn(sentence: string): void;
}
