// Runs the plan: for each number of instances a fresh database and fresh processes, for each number of connections rounds of all
// variants in turn, and the trial balance at the end.

import type pg from 'pg';
import { type Instances, introduceTokens, startInstances } from './instances.ts';
import type { LoadGenerator } from './load-generator.ts';
import { instanceGroupOf, type Plan, type VariantName, variantNames, variants } from './plan.ts';
import type { Platform } from './platform.ts';
import { type Round, runRound } from './round.ts';
import { trialBalance } from './trial-balance.ts';

export interface Cell {
  instances: number;
  connections: number;
  rounds: Record<VariantName, Round[]>;
}

export interface Results {
  cells: Cell[];
  /** Every reason not to believe the figures, as sentences. */
  objections: string[];
}

export async function runMatrix(
  platform: Platform,
  generator: LoadGenerator,
  plan: Plan,
  say: (sentence: string) => void,
): Promise<Results> {
  const results: Results = { cells: [], objections: [] };
  for (const count of plan.instances) await runInstances(platform, generator, plan, count, results, say);
  return results;
}

async function runInstances(
  platform: Platform,
  generator: LoadGenerator,
  plan: Plan,
  count: number,
  results: Results,
  say: (sentence: string) => void,
): Promise<void> {
  const { admin, url } = await platform.freshDatabase();
  const publishedBefore = await platform.publishedEvents();
  const groups = new Map<string, Instances>();
  let succeeded = 0;
  try {
    for (const name of variantNames) {
      const group = instanceGroupOf(name);
      if (!groups.has(group)) groups.set(group, await startInstances(platform, variants[name].program, count, url));
    }
    const round = async (name: VariantName, connections: number, measuredMs: number): Promise<Round> => {
      const instances = groups.get(instanceGroupOf(name)) as Instances;
      const { program, ...variant } = variants[name];
      const { ports } = instances;
      const load = { ...variant, ports, connections, rampMs: plan.rampMs, measuredMs };
      const result = await runRound(platform, admin, generator, instances, load);
      if (program !== 'empty') succeeded += result.succeeded;
      const at = `${name}, ${count} instances, ${connections} connections`;
      for (const [what, times] of Object.entries(result.failures)) {
        results.objections.push(`${at}: ${times} × ${what}. ${result.example ?? ''}`);
      }
      say(
        `${at}: ${Math.round(result.rate)}/s, p99 ${result.p99.toFixed(1)} ms, drained in ${Math.round(result.drainMs)} ms`,
      );
      return result;
    };
    say('warm-up');
    for (const instances of groups.values()) await introduceTokens(generator, instances);
    for (const name of variantNames) await round(name, plan.connections[0] ?? 50, plan.warmUpMs);
    for (const connections of plan.connections) results.cells.push(await runCell(plan, count, connections, round));
    results.objections.push(...(await objectionsOf(platform, admin, groups, succeeded, publishedBefore)));
  } finally {
    await Promise.all([...groups.values()].map((instances) => instances.stop()));
  }
}

async function runCell(
  plan: Plan,
  instances: number,
  connections: number,
  round: (name: VariantName, connections: number, measuredMs: number) => Promise<Round>,
): Promise<Cell> {
  const rounds = Object.fromEntries(variantNames.map((name) => [name, [] as Round[]])) as Cell['rounds'];
  for (let number = 0; number < plan.rounds; number++) {
    for (const name of variantNames) rounds[name].push(await round(name, connections, plan.measuredMs));
  }
  return { instances, connections, rounds };
}

async function objectionsOf(
  platform: Platform,
  admin: pg.Client,
  groups: ReadonlyMap<string, Instances>,
  succeeded: number,
  publishedBefore: number,
): Promise<string[]> {
  const objections = await trialBalance(admin, succeeded);
  // At least once: a repeated event is allowed, a missing one is not.
  const published = (await platform.publishedEvents()) - publishedBefore;
  if (published < succeeded) objections.push(`${published} events were published for ${succeeded} payments.`);
  for (const [group, instances] of groups) {
    const complaints = await instances.complaints();
    if (complaints.length > 0) objections.push(`${group} logged ${complaints.length} lines such as ${complaints[0]}`);
  }
  return objections;
}
