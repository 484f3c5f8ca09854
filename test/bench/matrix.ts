// Runs the plan: for each number of instances a fresh database and fresh processes, for each number of connections rounds of all
// variants in turn, and the trial balance at the end. Then the same of the functions that move money, compared with each other.

import type pg from 'pg';
import { functionOf, type Instances, introduceTokens, startInstances } from './instances.ts';
import type { LoadGenerator } from './load-generator.ts';
import {
  comparedNames,
  FUNCTIONS_AT,
  functionNames,
  instanceGroupOf,
  type Plan,
  type VariantName,
  variants,
} from './plan.ts';
import type { Platform } from './platform.ts';
import { type Round, runRound } from './round.ts';
import { type Answered, trialBalance } from './trial-balance.ts';

export interface Cell {
  instances: number;
  connections: number;
  /** Of the variants that were run here. */
  rounds: ReadonlyMap<VariantName, Round[]>;
}

export interface Results {
  /** pay, the plain way and the empty function. */
  cells: Cell[];
  /** pay, transfer and refund. */
  functions: Cell[];
  /** Every reason not to believe the figures, as sentences. */
  objections: string[];
}

export async function runMatrix(
  platform: Platform,
  generator: LoadGenerator,
  plan: Plan,
  say: (sentence: string) => void,
): Promise<Results> {
  const cells: Cell[] = [];
  const functions: Cell[] = [];
  const objections: string[] = [];
  const run = async (part: Part) => {
    const result = await runInstances(platform, generator, plan, part, say);
    objections.push(...result.objections);
    return result.cells;
  };
  const { connections } = plan;
  for (const instances of plan.instances) cells.push(...(await run({ instances, connections, names: comparedNames })));
  functions.push(...(await run({ ...FUNCTIONS_AT, names: functionNames })));
  return { cells, functions, objections };
}

interface Part {
  instances: number;
  connections: readonly number[];
  names: readonly VariantName[];
}

async function runInstances(
  platform: Platform,
  generator: LoadGenerator,
  plan: Plan,
  { instances: count, connections: numbers, names }: Part,
  say: (sentence: string) => void,
): Promise<{ cells: Cell[]; objections: string[] }> {
  const { admin, name: database } = await platform.freshDatabase();
  const publishedBefore = await platform.publishedEvents();
  const groups = new Map<string, Instances>();
  const cells: Cell[] = [];
  const objections: string[] = [];
  const answered: Answered = { pay: 0, transfer: 0, refund: 0 };
  try {
    for (const name of names) {
      const group = instanceGroupOf(name);
      if (!groups.has(group))
        groups.set(group, await startInstances(platform, variants[name].program, count, database));
    }
    const round = async (name: VariantName, connections: number, measuredMs: number): Promise<Round> => {
      const instances = groups.get(instanceGroupOf(name)) as Instances;
      const { program, ...variant } = variants[name];
      const { ports } = instances;
      const asks = functionOf(program);
      const load = { ...variant, asks, ports, connections, rampMs: plan.rampMs, measuredMs };
      const result = await runRound(platform, admin, generator, instances, load);
      if (program !== 'empty') answered[asks] += result.succeeded;
      const at = `${name}, ${count} instances, ${connections} connections`;
      for (const [what, times] of Object.entries(result.failures)) {
        objections.push(`${at}: ${times} × ${what}. ${result.example ?? ''}`);
      }
      say(
        `${at}: ${Math.round(result.rate)}/s, p99 ${result.p99.toFixed(1)} ms, drained in ${Math.round(result.drainMs)} ms`,
      );
      return result;
    };
    say('warm-up');
    for (const instances of groups.values()) await introduceTokens(generator, instances);
    for (const name of names) await round(name, numbers[0] ?? 50, plan.warmUpMs);
    for (const connections of numbers) {
      cells.push({ instances: count, connections, rounds: await runRounds(plan, names, connections, round) });
    }
    objections.push(...(await objectionsOf(platform, admin, groups, answered, publishedBefore)));
    return { cells, objections };
  } finally {
    await Promise.all([...groups.values()].map((instances) => instances.stop()));
  }
}

async function runRounds(
  plan: Plan,
  names: readonly VariantName[],
  connections: number,
  round: (name: VariantName, connections: number, measuredMs: number) => Promise<Round>,
): Promise<Cell['rounds']> {
  const rounds = new Map(names.map((name) => [name, [] as Round[]]));
  for (let number = 0; number < plan.rounds; number++) {
    for (const [name, all] of rounds) all.push(await round(name, connections, plan.measuredMs));
  }
  return rounds;
}

async function objectionsOf(
  platform: Platform,
  admin: pg.Client,
  groups: ReadonlyMap<string, Instances>,
  answered: Answered,
  publishedBefore: number,
): Promise<string[]> {
  const objections = await trialBalance(admin, answered, platform.payments.length);
  // At least once: a repeated event is allowed, a missing one is not.
  const published = (await platform.publishedEvents()) - publishedBefore;
  const succeeded = answered.pay + answered.transfer + answered.refund;
  if (published < succeeded) objections.push(`${published} events were published for ${succeeded} movements.`);
  for (const [group, instances] of groups) {
    const complaints = await instances.complaints();
    if (complaints.length > 0) objections.push(`${group} logged ${complaints.length} lines such as ${complaints[0]}`);
  }
  return objections;
}
