// The declaration of a function: its name, its callers, its request and answer, and its code. The host serves it and
// the OpenAPI document is generated from it, so the document cannot drift.

import type { Readable } from 'node:stream';
import type { GenericSchema, InferOutput } from 'valibot';
import type { Trace } from '../telemetry/trace.ts';
import type { Idempotency } from './idempotency.ts';
import type { ProblemCode } from './problems.ts';

export interface Headers {
  readonly [name: string]: string | string[] | undefined;
}

/**
 * How a caller is recognised. `identify` answers at once if it can (a cached token) and throws a Problem for an unknown
 * caller. With `forMoney` it must refuse when it cannot be sure.
 */
export interface CallerKind<Caller> {
  /** The name in the table of operations: anyone, user, operator ... */
  name: string;
  scheme: 'none' | 'bearer' | 'api-key';
  /** The gateway admits only consumers of one of these groups. */
  groups?: readonly string[];
  /** The gateway admits only the networks of operators. */
  from?: 'operator-networks';
  identify(headers: Headers, forMoney: boolean): Caller | Promise<Caller>;
  /**
   * Checks a caller that has been identified, or throws a Problem. The returned headers go to every answer, refusals
   * included.
   */
  admit?(caller: Caller, headers: Headers): Promise<Record<string, string>>;
}

/** The gateway's limit for one caller. `address` is for callers that have not logged in yet. */
export interface GatewayLimit {
  perMinute: number;
  by: 'address' | 'user';
  /**
   * Set it if the limit is the only protection: requests are refused while they cannot be counted. Without it they
   * pass.
   */
  whenUncounted?: 'refuse';
}

/**
 * The dependencies of a function. Its Service gets these and nothing else, and the manifests' labels follow from them.
 */
export interface Uses {
  /** The function's role in PostgreSQL. All functions of one Service share it. */
  database?: 'money' | 'identity' | 'reader' | 'operator' | 'regulator' | 'auditor' | 'housekeeper';
  redis?: true;
  kafka?: true;
  /** Verifies access tokens; `sign` also signs them. */
  accessTokens?: 'verify' | 'sign';
  /** Publishes the keys of receipts; `sign` also signs with them. */
  receipts?: 'publish' | 'sign';
  /** Calls payment providers, so it gets their secrets. */
  providers?: true;
}

/** The caller needs no token: login, register, documents. */
export const anyone: CallerKind<null> = { name: 'anyone', scheme: 'none', identify: () => null };

type Parsed<Schema> = Schema extends GenericSchema ? InferOutput<Schema> : undefined;

export interface Request<Caller, Body, Query, Path> {
  readonly id: string;
  readonly caller: Caller;
  readonly body: Body;
  readonly query: Query;
  readonly path: Path;
  readonly headers: Headers;
  /** The body's bytes as they came, for signatures. */
  readonly rawBody: Buffer;
  /** Path and query as they came, for signatures. */
  readonly url: string;
  /** Useful only if the declaration requires a key. */
  readonly idempotency: Idempotency;
  readonly trace: Trace;
}

/** An answer kept for replay: a success's `data` or a whole problem, as text, so that a replay has the same bytes. */
export interface KeptAnswer {
  status: number;
  body: string;
}

export type Reply<Data> =
  | { data: Data; status?: number; nextCursor?: string | null; headers?: Record<string, string> }
  | { kept: KeptAnswer; replayed: boolean; headers?: Record<string, string> }
  /** A stream is sent as it comes. If it fails, the connection breaks, so the caller notices the missing rest. */
  | { raw: string | Buffer | Readable; contentType: string; status?: number; headers?: Record<string, string> };

/** A request whose answer is decided and not yet sent. */
export interface Access<Caller = unknown> {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: Headers;
  readonly status: number;
  /** Present with a refusal. */
  readonly problem?: ProblemCode;
  /** Undefined if the request was refused before its caller was known. */
  readonly caller?: Caller | undefined;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Address = `${Method} /${string}`;

export interface RouteDescription {
  summary: string;
  description: string;
  answer: GenericSchema;
  alsoStatus: Readonly<Record<number, string>>;
  protocol: { headers: GenericSchema; body: GenericSchema };
}

export interface HttpTrigger<
  Caller,
  Body extends GenericSchema | undefined,
  Query extends GenericSchema | undefined,
  Path extends GenericSchema | undefined,
  Answer extends GenericSchema,
> {
  /**
   * Method and path. `{name}` is a segment, which `path` checks. Several functions may share a path with different
   * methods.
   */
  route: Address;
  /** Further routes of the same function. */
  alsoAt?: readonly Address[];
  /** Replaces the description at one of the further routes, since each may have its own protocol. */
  describedAt?: Readonly<Record<string, RouteDescription>>;
  /** Absent if consumers of the gateway have their own limits (regulators). */
  limit?: GatewayLimit;
  caller: CallerKind<Caller>;
  /** Set for functions that move money: the header is required, and answers carry `outcome` and `safe_to_retry`. */
  idempotencyKey?: true;
  body?: Body;
  query?: Query;
  path?: Path;
  /** `data` of a success; for a list, one item; for a raw answer, the document. */
  answer: Answer;
  status: number;
  /** Further statuses that `answer` comes with, and the condition of each. */
  alsoStatus?: Readonly<Record<number, string>>;
  /** Headers that the caller's kind or the handler reads, for the document. */
  headers?: GenericSchema;
  /** The request of a foreign protocol, for the document. The handler checks it, on the signed bytes. */
  protocol?: { headers: GenericSchema; body: GenericSchema };
  /** The answer is a page: `data` is an array and `next_cursor` follows. */
  list?: true;
  /** The answer is not in our envelope; this is its media type. */
  raw?: string;
  /** The answer may be gigabytes, so the gateway does not buffer it. */
  streams?: true;
  /** Sees every request before its answer, refused ones included. If it throws a problem, that is the answer. */
  beforeAnswer?(access: Access<Caller>): Promise<void>;
  /** Codes that this function adds to the codes of every function. */
  errors: readonly ProblemCode[];
  handle(
    request: Request<Caller, Parsed<Body>, Parsed<Query>, Parsed<Path>>,
  ): Promise<Reply<InferOutput<Answer> | InferOutput<Answer>[]>>;
}

/** A CloudEvent for a handler: checked, with its extensions (`sequence`, `partitionkey` ...) beside it. */
export interface ReceivedEvent<Data> {
  id: string;
  type: string;
  source: string;
  subject: string | undefined;
  data: Data;
  extensions: Readonly<Record<string, unknown>>;
}

/**
 * A cron schedule in Jakarta's time, or topics of Kafka. Each topic has its own dead letters. The source has the
 * function's name.
 */
export type EventSource = { schedule: string } | { topics: readonly string[] };

/**
 * An event is a hint: the handler loads the event's subject again. It returns when the event is dealt with, and throws
 * a Problem otherwise.
 */
export interface EventTrigger<Data extends GenericSchema> {
  /**
   * The source of the function's events, which `make generate` makes. Absent if others post them: providers' sources,
   * the gateway's log.
   */
  source?: EventSource;
  types: readonly string[];
  /** Set where the gateway itself sends the events. A source's proof is not enough then: it is less of a secret. */
  sender?: 'gateway';
  data: Data;
  handle(event: ReceivedEvent<InferOutput<Data>>, trace: Trace): Promise<void>;
}

export interface FunctionDeclaration {
  /** The name of its file. Logs, metrics, traces, freezes and limits use it. */
  name: string;
  /** One line for the API document. */
  summary: string;
  description?: string;
  uses?: Uses;
  // biome-ignore lint/suspicious/noExplicitAny: a list mixes triggers of every type; each file's own is exact.
  http?: HttpTrigger<any, any, any, any, any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  event?: EventTrigger<any>;
}

/** Declares a function. It only checks types: the declaration is data, and the host runs it. */
export function defineFunction<
  Caller,
  Body extends GenericSchema | undefined = undefined,
  Query extends GenericSchema | undefined = undefined,
  Path extends GenericSchema | undefined = undefined,
  Answer extends GenericSchema = GenericSchema,
  Data extends GenericSchema = GenericSchema,
>(declaration: {
  name: string;
  summary: string;
  description?: string;
  uses?: Uses;
  http?: HttpTrigger<Caller, Body, Query, Path, Answer>;
  event?: EventTrigger<Data>;
}): FunctionDeclaration {
  return declaration as FunctionDeclaration;
}
