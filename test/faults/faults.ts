// The faults of a run, in an order and at moments that come from the seed. A fault lasts until the part that it broke
// works again.

import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from './functions.ts';
import type { Dice } from './random.ts';
import type { Stage } from './stage.ts';

/** How often it has struck: 0 when there was nothing to strike. */
type Fault = (stage: Stage, dice: Dice) => Promise<number>;

const anyInstance = ({ functions }: Stage, dice: Dice): Instance => dice.oneOf(functions.all);

const FAULTS = {
  'a function is killed': async (stage, dice) => {
    await crashOf(anyInstance(stage, dice));
    return 1;
  },
  'PostgreSQL is killed': (stage) => alone('PostgreSQL', () => stage.servers.postgres.crash()),
  'Kafka is killed': async ({ servers: { kafka } }) => (kafka ? alone('Kafka', () => kafka.crash()) : 0),
  // The substitute runs inside of this process.
  'Redis is killed': async ({ servers: { redis } }) => (redis.pid ? alone('Redis', () => redis.crash()) : 0),
  'a connection is cut before COMMIT arrives': async (stage) => Number(await stage.traps.beforeCommit.set()),
  'a connection is cut after COMMIT, its answer lost': async (stage) => Number(await stage.traps.afterCommit.set()),
  'PostgreSQL answers late': async (stage, dice) => {
    const everybody = dice.percent(30);
    const wires = everybody ? stage.functions.all.map(({ database }) => database) : [anyInstance(stage, dice).database];
    // Longer than a batch may take: its clients are told "unknown".
    const ms = !everybody && dice.percent(25) ? 9_000 : dice.between(100, 2_500);
    for (const wire of wires) wire.hold();
    await delay(ms);
    for (const wire of wires) wire.release();
    return 1;
  },
  'PostgreSQL is out of reach': async (stage, dice) => {
    const wires = stage.functions.all.map(({ database }) => database);
    for (const wire of wires) wire.goDown();
    await delay(dice.between(200, 2_000));
    for (const wire of wires) wire.restore();
    return 1;
  },
  'an answer to a client is lost': async (stage) => Number(await stage.traps.answerToClient.set()),
  'all clients of a function are cut off': async (stage, dice) => (anyInstance(stage, dice).front.cut() > 0 ? 1 : 0),
  'Kafka is out of reach': (stage, dice) => outOfReach(stage.servers.kafkaWire, dice),
  'Redis is out of reach': (stage, dice) => outOfReach(stage.servers.redisWire, dice),
  'an event is delivered twice': async (stage) => Number(await stage.courier.twice.set()),
  'events come late, the newest first': async (stage, dice) => {
    stage.courier.holdBack();
    await delay(dice.between(500, 2_500));
    return (await stage.courier.letGo()) > 0 ? 1 : 0;
  },
  'notifications come several times': async ({ gopay }, dice) => {
    await gopay.control.settings({ copies: dice.between(2, 4) });
    await delay(dice.between(500, 2_000));
    await gopay.control.settings({ copies: 1 });
    return 1;
  },
  'notifications come late, the newest first': async ({ gopay }, dice) => {
    await gopay.control.settings({ notifications: 'hold' });
    await delay(dice.between(500, 2_500));
    await gopay.control.settings({ notifications: 'send' });
    await gopay.control.release(true);
    return 1;
  },
  "the provider's answer is lost": async ({ gopay }, dice) => {
    const service = dice.oneOf(['54', '55'] as const);
    const answer = dice.oneOf(['drop', 'garbage'] as const);
    await gopay.control.fault({ service, answer, process: dice.percent(60) });
    return 1;
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

export type Deck = Readonly<Record<FaultName, number>>;

export interface Struck {
  name: FaultName;
  times: number;
  /** Seconds since the run began. */
  from: string;
  until: string;
}

export interface Weather {
  /** Called as operations begin: starts the faults that are due by then. */
  at(operation: number): void;
  /** How many faults last now, and how many have ever begun: equal and zero before and after means that none came in between. */
  lasting(): number;
  begun(): number;
  /** The faults that last now, in words. */
  now(): string;
  /** Starts no more faults; resolves when all faults are over. */
  clear(): Promise<Struck[]>;
}

/** The first faults come when so many hundredths of the operations have begun, the last ones before so many. */
const FROM = 15;
const UNTIL = 92;

export function newWeather(stage: Stage, deck: Deck, operations: number, dice: Dice, clock: () => string): Weather {
  const names = dice.shuffled(FAULT_NAMES.flatMap((name) => Array<FaultName>(deck[name]).fill(name)));
  const due = names.map((name, index) => {
    const share = FROM + ((UNTIL - FROM) * (index + dice.between(0, 99) / 100)) / names.length;
    return { name, at: Math.floor((operations * share) / 100) };
  });
  const running: Promise<void>[] = [];
  const struck: Struck[] = [];
  const present: FaultName[] = [];
  let begun = 0;

  async function set(name: FaultName): Promise<void> {
    const from = clock();
    present.push(name);
    begun++;
    const times = await FAULTS[name](stage, dice);
    present.splice(present.indexOf(name), 1);
    struck.push({ name, times, from, until: clock() });
  }

  return {
    at: (operation) => {
      while (due[0] && due[0].at <= operation) running.push(set((due.shift() as { name: FaultName }).name));
    },
    lasting: () => present.length,
    begun: () => begun,
    now: () => (present.length > 0 ? present.join('; ') : 'all is well'),
    clear: async () => {
      due.splice(0);
      for (const trap of [...Object.values(stage.traps), stage.courier.twice]) trap.disarm();
      await Promise.all(running);
      return struck;
    },
  };
}

const busy = new Map<string, Promise<unknown>>();

/** Runs faults of the same part one after the other. */
async function alone(part: string, work: () => Promise<unknown>): Promise<number> {
  const before = busy.get(part) ?? Promise.resolve();
  const now = before.then(work, work);
  busy.set(part, now);
  await now;
  return 1;
}

function crashOf(instance: Instance): Promise<number> {
  return alone(`${instance.name}`, () => instance.crash());
}

async function outOfReach(wire: Stage['servers']['kafkaWire'], dice: Dice): Promise<number> {
  if (!wire) return 0;
  wire.goDown();
  await delay(dice.between(100, 1_500));
  wire.restore();
  return 1;
}

export const FULL_DECK: Deck = {
  'a function is killed': 8,
  'PostgreSQL is killed': 2,
  'Kafka is killed': 1,
  'Redis is killed': 2,
  'a connection is cut before COMMIT arrives': 12,
  'a connection is cut after COMMIT, its answer lost': 12,
  'PostgreSQL answers late': 3,
  'PostgreSQL is out of reach': 2,
  'an answer to a client is lost': 20,
  'all clients of a function are cut off': 4,
  'Kafka is out of reach': 2,
  'Redis is out of reach': 2,
  'an event is delivered twice': 10,
  'events come late, the newest first': 3,
  'notifications come several times': 2,
  'notifications come late, the newest first': 2,
  "the provider's answer is lost": 4,
};

export const SHORT_DECK: Deck = {
  ...(Object.fromEntries(FAULT_NAMES.map((name) => [name, 1])) as Record<FaultName, number>),
  'a function is killed': 2,
  'a connection is cut before COMMIT arrives': 2,
  'a connection is cut after COMMIT, its answer lost': 2,
  'an answer to a client is lost': 4,
  'all clients of a function are cut off': 2,
  'an event is delivered twice': 2,
  'events come late, the newest first': 2,
};
