// The load generator: a process of its own, so that its cost can be separated from the rest. It keeps a number of
// connections busy, each with one request at a time, and measures what happens between two moments. The run talks to it
// over IPC.

import process from 'node:process';
import { type Connection, openConnection } from './connection.ts';
import { below, type Distribution, distributions, type Random, randomFrom } from './distributions.ts';
import { type Asked, type Ground, layOut, type Requests } from './requests.ts';
import { signTokens, type TokenKey } from './tokens.ts';

export interface Preparation extends Ground {
  key: TokenKey;
}

export interface Load {
  /** Where the instances listen; connections are spread evenly. */
  ports: readonly number[];
  connections: number;
  asks: Asked;
  distribution: Distribution;
  /**
   * `known`: one token per person, the same always. `introduced`: each of them once, in requests that are refused, and then the end; after
   * that the instance knows them. `fresh`, of payments: new tokens that no instance has seen, each once and then the end; `freshen` comes first.
   */
  tokens: 'known' | 'introduced' | 'fresh';
  /** Sent before measuring begins. */
  rampMs: number;
  measuredMs: number;
}

export interface Measured {
  /** Answers with a 2xx status, within the measured time and in all. */
  counted: number;
  succeeded: number;
  /** Milliseconds from the end of the ramp to the end of the load. */
  elapsedMs: number;
  /** Milliseconds from request to answer. */
  p50: number;
  p95: number;
  p99: number;
  /** Anything that is not 2xx, with an example: a figure with one of these is worth nothing. */
  failures: Record<string, number>;
  example: string | undefined;
}

export type Command = { prepare: Preparation } | { freshen: true } | { load: Load };
export type Answer = { prepared: true } | { measured: Measured } | { failed: string };

const MOST_ANSWERS = 2_000_000;
const LAST_ANSWER_LIMIT_MS = 20_000;

let preparation: Preparation | undefined;
let tokens: string[] = [];
let known = new Map<Asked, Requests>();
let fresh: Requests | undefined;
let random: Random = randomFrom(1);
let serial = 0;
let edition = 0;
const latencies = new Float64Array(MOST_ANSWERS);

process.on('message', (command: Command) => {
  carryOut(command).then(answer, (error: Error) => answer({ failed: error.stack ?? error.message }));
});
// The process that started us has gone.
process.on('disconnect', () => process.exit());

function answer(message: Answer): void {
  process.send?.(message);
}

async function carryOut(command: Command): Promise<Answer> {
  if ('prepare' in command) {
    preparation = command.prepare;
    random = randomFrom(preparation.seed);
    tokens = await newTokens(preparation);
    known = new Map();
    return { prepared: true };
  }
  if (!preparation) throw new Error('prepare must come first');
  if ('freshen' in command) {
    fresh = layOut('pay', preparation, await newTokens(preparation));
    return { prepared: true };
  }
  const { load } = command;
  const requests = load.tokens === 'fresh' ? fresh : knownOf(load.asks, preparation);
  if (!requests) throw new Error('freshen must come before fresh tokens');
  fresh = undefined;
  return { measured: await run(load, requests, preparation) };
}

function knownOf(name: Asked, preparation: Preparation): Requests {
  const requests = known.get(name) ?? layOut(name, preparation, tokens);
  known.set(name, requests);
  return requests;
}

function newTokens({ people, key }: Preparation): Promise<string[]> {
  return signTokens(key, people, edition++);
}

type Draw = () => [caller: number, body: number];

// The last of the people is the merchant, who is no payee of transfers: there a person is the hot one.
function drawOf({ asks, distribution }: Load, { bodies, own }: Requests, { people, payments }: Preparation): Draw {
  const merchant = people.length - 1;
  if (bodies === 1) return () => [below(random, merchant), 0];
  if (own) {
    return () => {
      const caller = below(random, merchant);
      return [caller, caller];
    };
  }
  if (asks !== 'refund') {
    const hot = asks === 'transfer' ? merchant - 1 : merchant;
    return () => distributions[distribution](random, merchant, hot);
  }
  const candidates = payments.flatMap((each, body) => (each.distribution === distribution ? [{ ...each, body }] : []));
  return () => {
    const { payee, body } = candidates[below(random, candidates.length)] as (typeof candidates)[number];
    return [payee, body];
  };
}

async function run(load: Load, requests: Requests, preparation: Preparation): Promise<Measured> {
  const draw = drawOf(load, requests, preparation);
  const merchant = preparation.people.length - 1;
  const introducing = load.tokens === 'introduced';
  const failures: Record<string, number> = {};
  let example: string | undefined;
  let counted = 0;
  let succeeded = 0;
  let measured = 0;
  let begin = Number.POSITIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  let nextCaller = 0;
  let inFlight = 0;
  const { promise: allAnswered, resolve: finish } = Promise.withResolvers<void>();

  function next({ request, send }: Connection): boolean {
    let [caller, body] = draw();
    if (load.tokens !== 'known') {
      if (nextCaller === merchant) end = Math.min(end, performance.now());
      caller = nextCaller++;
      // To oneself, or back of nothing: refused, but not before the instance has got to know the token and, as a payee, the account.
      if (introducing) body = load.asks === 'refund' ? preparation.payments.length : caller;
      else if (body === caller) body = (body + 1) % merchant;
    }
    if (performance.now() >= end) return false;
    send(requests.write(request, caller, body, serial++));
    return true;
  }

  function fail(what: string, text?: string): void {
    failures[what] = (failures[what] ?? 0) + 1;
    example ??= text;
  }

  const connections = await Promise.all(
    Array.from({ length: load.connections }, async (_, index) => {
      let sentAt = 0;
      const connection = await openConnection(load.ports[index % load.ports.length] as number, requests.longest, {
        answered: (status, text) => {
          const now = performance.now();
          if (introducing ? status >= 400 && status < 500 : status >= 200 && status < 300) {
            succeeded++;
            if (now >= begin) {
              latencies[measured++] = now - sentAt;
              if (now < end) counted++;
            }
          } else fail(String(status), text);
          go();
        },
        failed: (why) => {
          fail(why);
          if (--inFlight === 0) finish();
        },
      });
      function go(): void {
        sentAt = performance.now();
        if (!next(connection) && --inFlight === 0) finish();
      }
      return { go, close: connection.close };
    }),
  );

  inFlight = connections.length;
  const start = performance.now();
  begin = start + load.rampMs;
  end = begin + load.measuredMs;
  for (const { go } of connections) go();
  const limit = setTimeout(
    () => {
      fail('no answer');
      finish();
    },
    load.rampMs + load.measuredMs + LAST_ANSWER_LIMIT_MS,
  );
  await allAnswered;
  clearTimeout(limit);
  for (const { close } of connections) close();
  return {
    counted,
    succeeded,
    elapsedMs: end - begin,
    ...percentiles(latencies.subarray(0, measured)),
    failures,
    example,
  };
}

function percentiles(times: Float64Array): { p50: number; p95: number; p99: number } {
  times.sort();
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
