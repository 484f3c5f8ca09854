// The shape of a plugin of the local gateway: the phases of Kong's plugins that it plays.

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApiKey } from '../api-key.ts';
import type { LogQueues } from './log-queue.ts';

export type HeaderValues = Record<string, string | string[]>;

/** One request on its way through the gateway. Names of headers are in lower case. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly method: string;
  /** The path of the caller's request, without the query. */
  readonly path: string;
  /** The query that the function will get, with its question mark; plugins change it. */
  search: string;
  readonly clientAddress: string;
  readonly startedAt: number;
  /** Kong's own id of the request, 32 hex digits; no caller can choose it. */
  readonly kongRequestId: string;
  /** The name of the route, '' when none matched. */
  readonly route: string;
  /** The headers that the function will get; plugins change them. */
  readonly headers: HeaderValues;
  /** Set once the body has been read, which is after the last plugin. */
  body?: Buffer;
  /** The id of a problem that replaces the answer's body. */
  problemId?: string;
  requestId?: string;
  /** The consumer, once a plugin knows it. */
  consumer?: Consumer;
  /** The origin of the answer, and the function's own status, '' when no function was asked. */
  answered: { source: Answer['source']; upstreamStatus: string };
}

/** The answer that is about to be sent: of the function, of a plugin, or for a failure on the way. */
export interface Answer {
  status: number;
  readonly headers: HeaderValues;
  readonly source: 'service' | 'exit' | 'error';
}

/** The answer of a plugin that does not let the request through. */
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
  /** Called when the request is over, with any outcome; 499 when the caller went away before the answer. */
  log?(exchange: Exchange, status: number): void;
}

export interface Consumer {
  readonly username: string;
  readonly customId: string | undefined;
  readonly groups: readonly string[];
}

/** A public key that verifies tokens of one kid, by one algorithm only. */
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
  /**
   * The number of requests in this window, this one and refused ones included. Throws when Redis does not answer or
   * refuses us.
   */
  take(key: string, seconds: number, redis: { password: string | undefined; timeoutMs: number }): Promise<number>;
}

/** The services that plugins use. */
export interface Ground {
  readonly publicUrl: string;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly apiKeys: ApiKeys;
  /** The variables of Kong's process, which `{vault://env/...}` refers to. */
  readonly environment: Readonly<Record<string, string>>;
  readonly counters: Counters;
  readonly logQueues: LogQueues;
  /** Sends a body to a function of the cluster; throws a sentence when the function did not take it. */
  post(to: URL, headers: Record<string, string>, body: string, timeoutMs: number): Promise<void>;
  /** Gets sentences for the operator. */
  warn(sentence: string): void;
}
