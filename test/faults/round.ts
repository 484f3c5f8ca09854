// One round: a stage of its own, a crowd of clients, faults, and the verdict. Its seed decides all of that.

import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import { parseAmount } from '../../shared/money.ts';
import { type Client, type Operation, storyOf } from './books.ts';
import { type Crowd, learn, makeCrowd, nextOperation } from './clients.ts';
import { drain, resolveUnknown } from './drain.ts';
import { type Deck, newWeather, type Struck, type Weather } from './faults.ts';
import { type Dice, diceOf } from './random.ts';
import { type Counter, carryOut, reuseKey } from './send.ts';
import { buildStage, type Stage } from './stage.ts';
import { readTopics } from './topics.ts';
import { judge } from './verdict.ts';

const PROGRESS_EVERY_MS = 5_000;

export interface RoundPlan {
  seed: number;
  operations: number;
  clients: number;
  deck: Deck;
  /** Instances of each function. */
  counts: Readonly<Record<string, number>>;
  withoutKafka: boolean;
  /** A client's longest rest between two wishes. */
  restMs: number;
}

export interface RoundResult {
  seed: number;
  operations: number;
  /** "pay succeeded" and the like, how many of each. */
  ends: Record<string, number>;
  requests: number;
  /** Ends that a client did not know at first. */
  unknown: number;
  struck: Struck[];
  /** Milliseconds from a client's first request to its end. */
  calmMs: number[];
  faultyMs: number[];
  /** How many findings, and all there is to tell about them: stories, logs, and the faults of the round. */
  findings: number;
  told: string[];
  seconds: number;
  parts: string[];
  events: number;
}

export async function runRound(plan: RoundPlan, tell: (line: string) => void): Promise<RoundResult> {
  const began = performance.now();
  const stage = await buildStage(plan.counts, plan.withoutKafka);
  try {
    const result = await play(plan, stage, tell);
    return { ...result, seconds: (performance.now() - began) / 1000 };
  } finally {
    await stage.stop();
  }
}

async function play(
  plan: RoundPlan,
  stage: Stage,
  tell: (line: string) => void,
): Promise<Omit<RoundResult, 'seconds'>> {
  const { seed } = plan;
  const crowd = await stage.withDatabase((client) => makeCrowd(client, plan.clients, stage.key, diceOf(seed, 1)));
  const before = await stage.withDatabase(async (client) => {
    const { rows } = await client.query<{ operation_id: string }>(
      'select distinct operation_id from historical_transactions',
    );
    return new Set(rows.map(({ operation_id }) => operation_id));
  });
  const start = performance.now();
  const clock = () => ((performance.now() - start) / 1000).toFixed(3);
  const findings: string[] = [];
  const http = new Agent({ keepAliveTimeout: 4_000, connections: null });
  const counter: Counter = {
    functions: stage.functions,
    http,
    clock,
    surprise: (operation, what) => void findings.push(`A client was surprised: ${what}\n  ${storyOf(operation)}`),
  };
  const weather = newWeather(stage, plan.deck, plan.operations, diceOf(seed, 2), clock);
  tell(`seed ${seed}: ${plan.clients} clients, ${plan.operations} operations; the stage stands`);
  const progress = setInterval(() => {
    const ended = scene.operations.filter(({ end }) => end).length;
    tell(`seed ${seed}: ${clock()} s, ${ended} of ${scene.operations.length} operations have ended, ${weather.now()}`);
  }, PROGRESS_EVERY_MS);
  progress.unref();
  const scene: Scene = { plan, crowd, counter, weather, operations: [], calmMs: [], faultyMs: [], errands: [] };
  await Promise.all(crowd.clients.map((client, index) => live(client, diceOf(seed, 1000 + index), scene)));
  const struck = await weather.clear();
  clearInterval(progress);
  tell(`seed ${seed}: clients are done after ${clock()} s`);
  await Promise.all(scene.errands);
  await resolveUnknown(scene.operations, counter, diceOf(seed, 3));
  findings.push(...(await drain(stage)).map((what) => `Not drained: ${what}.`));
  tell(`seed ${seed}: drained after ${clock()} s`);

  const events = stage.servers.kafkaWire
    ? await readTopics(`127.0.0.1:${stage.servers.kafkaWire.port}`, stage.topics)
    : stage.courier.seen;
  const paid = new Map<string, bigint>();
  for (const { partnerReferenceNo, status, amount } of await stage.gopay.control.payments()) {
    if (status === 'paid') paid.set(partnerReferenceNo.replace(/-\d+$/, ''), parseAmount(amount.value));
  }
  const { clients } = crowd;
  const { operations } = scene;
  findings.push(
    ...(await stage.withDatabase((client) => judge({ client, clients, operations, before, paid, events }))),
  );
  const told = [...findings];
  if (findings.length > 0) {
    told.push(...(await stage.functions.complaints()).slice(-20).map((line) => `log: ${line.slice(0, 400)}`));
    told.push(...stage.sourceLog.slice(-20).map((line) => `source: ${line}`));
    told.push(...struck.map(({ name, times, from, until }) => `fault: ${from}-${until} ${name} (${times})`));
  }
  await http.close();
  const { postgres, redis, kafka, kafkaMissing } = stage.servers;
  return {
    seed,
    operations: operations.length,
    ends: endsOf(operations),
    requests: operations.reduce((sum, { requests }) => sum + requests, 0),
    unknown: operations.filter(({ wasUnknown }) => wasUnknown).length,
    struck,
    calmMs: scene.calmMs,
    faultyMs: scene.faultyMs,
    findings: findings.length,
    told,
    parts: [postgres.description, redis.description, kafka?.description ?? `no Kafka: ${kafkaMissing}`],
    events: events.length,
  };
}

interface Scene {
  plan: RoundPlan;
  crowd: Crowd;
  counter: Counter;
  weather: Weather;
  operations: Operation[];
  calmMs: number[];
  faultyMs: number[];
  /** What payers do at the provider. */
  errands: Promise<void>[];
}

/** One wish after the other, until there are enough of them. */
async function live(client: Client, dice: Dice, scene: Scene): Promise<void> {
  const { plan, crowd, counter, weather, operations } = scene;
  await delay(dice.between(0, plan.restMs));
  while (operations.length < plan.operations) {
    const number = operations.length + 1;
    const operation = nextOperation(number, client, crowd, dice);
    operations.push(operation);
    weather.at(number);
    const [begunBefore, lastingBefore] = [weather.begun(), weather.lasting()];
    const sent = performance.now();
    await carryOut(operation, counter, dice);
    const isCalm = lastingBefore === 0 && weather.begun() === begunBefore;
    if (operation.end) (isCalm ? scene.calmMs : scene.faultyMs).push(performance.now() - sent);
    learn(operation);
    if (operation.redirectUrl) scene.errands.push(visitProvider(operation.redirectUrl, dice));
    if (operation.end === 'succeeded' && operation.body['amount'] && dice.percent(3))
      await reuseKey(operation, counter, dice);
    await delay(dice.between(0, plan.restMs));
  }
}

/** Most payers pay, some cancel, some never come back. */
async function visitProvider(redirectUrl: string, dice: Dice): Promise<void> {
  const does = dice.weighted({ pay: 75, cancel: 8, nothing: 17 });
  const waits = dice.between(0, 300);
  if (does === 'nothing') return;
  await delay(waits);
  const answer = await fetch(`${redirectUrl}/${does}`, { method: 'POST', redirect: 'manual' });
  await answer.arrayBuffer();
}

function endsOf(operations: readonly Operation[]): Record<string, number> {
  const ends: Record<string, number> = {};
  for (const { kind, end = 'unknown' } of operations) ends[`${kind} ${end}`] = (ends[`${kind} ${end}`] ?? 0) + 1;
  return ends;
}
