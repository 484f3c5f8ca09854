// The declaration of a function: what it is called, who may call it, what it takes and gives, and its story.
// The host serves it and the OpenAPI document is generated from it, so the document cannot drift.

import type { Readable } from 'node:stream';
import type { GenericSchema, InferOutput } from 'valibot';
import type { Trace } from '../telemetry/trace.ts';
import type { Idempotency } from './idempotency.ts';
import type { ProblemCode } from './problems.ts';

export interface Headers {
  readonly [name: string]: string | string[] | undefined;
}

/**
 * How a caller is recognised. `identify` answers at once where it can (a cached token) and throws a Problem for a stranger.
 * With `forMoney` it must refuse when it cannot be sure.
 */
export interface CallerKind<Caller> {
  /** In the table of operations: anyone, user, operator ... */
  name: string;
  scheme: 'none' | 'bearer' | 'api-key';
  /** The gateway lets only consumers of one of these groups through. */
  groups?: readonly string[];
  /** The gateway lets only the networks of operators through. */
  from?: 'operator-networks';
  identify(headers: Headers, forMoney: boolean): Caller | Promise<Caller>;
  /** Lets a caller in that is known by now, or throws a Problem. Its headers go to every answer, a refusal included. */
  admit?(caller: Caller, headers: Headers): Promise<Record<string, string>>;
}

/** How often the gateway lets one caller through: `address` where nobody has logged in yet. */
export interface GatewayLimit {
  perMinute: number;
  by: 'address' | 'user';
  /** Set where the limit is all that protects: requests are refused while they cannot be counted. Otherwise they pass. */
  whenUncounted?: 'refuse';
}

/** What a function needs of its surroundings. Its Service is given that and nothing else: manifests' labels follow from it. */
export interface Uses {
  /** The role that it runs as in PostgreSQL. All functions of one Service share it. */
  database?: 'money' | 'identity' | 'reader' | 'operator' | 'regulator' | 'auditor' | 'housekeeper';
  redis?: true;
  kafka?: true;
  /** Verifies access tokens, or signs them as well. */
  accessTokens?: 'verify' | 'sign';
  /** Publishes the keys of receipts, or signs with them as well. */
  receipts?: 'publish' | 'sign';
  /** Talks with payment providers: it has their secrets. */
  providers?: true;
}

/** Anybody may call: login, register, documents. */
export const anyone: CallerKind<null> = { name: 'anyone', scheme: 'none', identify: () => null };

type Parsed<Schema> = Schema extends GenericSchema ? InferOutput<Schema> : undefined;

export interface Request<Caller, Body, Query, Path> {
  readonly id: string;
  readonly caller: Caller;
  readonly body: Body;
  readonly query: Query;
  readonly path: Path;
  readonly headers: Headers;
  /** The bytes as they came, for signatures. */
  readonly rawBody: Buffer;
  /** Path and query as they came, for signatures. */
  readonly url: string;
  /** Of use where the declaration asks for a key. */
  readonly idempotency: Idempotency;
  readonly trace: Trace;
}

/** An answer as it is kept for replay: a success's `data` or a whole problem, as text, so that a replay has the same bytes. */
export interface KeptAnswer {
  status: number;
  body: string;
}

export type Reply<Data> =
  | { data: Data; status?: number; nextCursor?: string | null; headers?: Record<string, string> }
  | { kept: KeptAnswer; replayed: boolean; headers?: Record<string, string> }
  /** A stream is sent as it comes, and ends the connection where it fails: the caller sees that something is missing. */
  | { raw: string | Buffer | Readable; contentType: string; status?: number; headers?: Record<string, string> };

/** A request whose answer is known and has not been sent. */
export interface Access<Caller = unknown> {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: Headers;
  readonly status: number;
  /** Of a refusal. */
  readonly problem?: ProblemCode;
  /** Undefined when the request was refused before its caller was known. */
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
  /** Method and path; `{name}` is a segment, checked by `path`. Several functions may share a path by different methods. */
  route: Address;
  /** Further routes of the same function. */
  alsoAt?: readonly Address[];
  /** What the document says of one of the further routes in place of the rest: each may have a protocol of its own. */
  describedAt?: Readonly<Record<string, RouteDescription>>;
  /** Absent where consumers of the gateway have limits of their own (regulators). */
  limit?: GatewayLimit;
  caller: CallerKind<Caller>;
  /** Set where money moves: the header is required, answers carry `outcome` and `safe_to_retry`. */
  idempotencyKey?: true;
  body?: Body;
  query?: Query;
  path?: Path;
  /** `data` of a success; of a list: of one item. Of a raw answer: the document. */
  answer: Answer;
  status: number;
  /** Further statuses that `answer` comes with, and when. */
  alsoStatus?: Readonly<Record<number, string>>;
  /** Headers that the caller's kind or the handler looks at, for the document. */
  headers?: GenericSchema;
  /** What a request holds by somebody else's protocol, for the document: the handler checks it, on the bytes that were signed. */
  protocol?: { headers: GenericSchema; body: GenericSchema };
  /** The answer is a page: `data` is an array and `next_cursor` follows. */
  list?: true;
  /** The answer is not in our envelope; this is its media type. */
  raw?: string;
  /** The answer may be gigabytes: the gateway passes it on as it comes. */
  streams?: true;
  /** Sees every request before it is answered, refused ones as well. When it throws, its problem is the answer. */
  beforeAnswer?(access: Access<Caller>): Promise<void>;
  /** Codes that this function adds to those that every function can answer with. */
  errors: readonly ProblemCode[];
  handle(
    request: Request<Caller, Parsed<Body>, Parsed<Query>, Parsed<Path>>,
  ): Promise<Reply<InferOutput<Answer> | InferOutput<Answer>[]>>;
}

/** A CloudEvent as it reaches a handler: checked, with its extensions (`sequence`, `partitionkey` ...) beside it. */
export interface ReceivedEvent<Data> {
  id: string;
  type: string;
  source: string;
  subject: string | undefined;
  data: Data;
  extensions: Readonly<Record<string, unknown>>;
}

/** A cron schedule in Jakarta's time, or topics of Kafka. A topic has its own dead letters, and its source the function's name. */
export type EventSource = { schedule: string } | { topics: readonly string[] };

/** An event is a hint: the handler reloads what it is about. It returns when the event is done with, throws a Problem otherwise. */
export interface EventTrigger<Data extends GenericSchema> {
  /** What wakes the function. `make generate` makes its source. Absent where others post: providers' sources, the gateway's log. */
  source?: EventSource;
  types: readonly string[];
  /** Set where the gateway itself sends the events. A source's proof is not enough then: it is less of a secret. */
  sender?: 'gateway';
  data: Data;
  handle(event: ReceivedEvent<InferOutput<Data>>, trace: Trace): Promise<void>;
}

export interface FunctionDeclaration {
  /** Its file's name; in logs, metrics, traces, freezes and limits. */
  name: string;
  /** One line, as the API document shows it. */
  summary: string;
  description?: string;
  uses?: Uses;
  // biome-ignore lint/suspicious/noExplicitAny: a list of functions has triggers of every shape; each file's own is exact.
  http?: HttpTrigger<any, any, any, any, any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  event?: EventTrigger<any>;
}

/** Declares a function. It only checks types: the declaration is data, and the host gives it life. */
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
