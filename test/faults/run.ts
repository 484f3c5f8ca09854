// The fault suite: people and merchants move money while everything around them breaks, and at the end the books are compared.
//   node test/faults/run.ts                          many seeds, and rewrites README.md
//   node test/faults/run.ts --seed 7                 that seed again; --operations and --rounds change how much of it
//   node test/faults/run.ts --short [--seed 7]       one small round

import process from 'node:process';
import { parseArgs } from 'node:util';
import { FAULT_NAMES, FULL_DECK, SHORT_DECK } from './faults.ts';
import { writeReport } from './report.ts';
import { type RoundPlan, type RoundResult, runRound } from './round.ts';
import { SCHEDULED } from './stage.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    operations: { type: 'string' },
    rounds: { type: 'string' },
    short: { type: 'boolean', default: false },
    'without-kafka': { type: 'boolean', default: false },
  },
});

const SEVERAL = { pay: 3, transfer: 2, refund: 2, hold: 2, capture: 2, void: 2, topup: 2, 'settle-topup': 2 };
const FEW = { pay: 2, transfer: 1, refund: 1, hold: 1, capture: 1, void: 1, topup: 1, 'settle-topup': 1 };
const OTHERS = {
  cancel: 1,
  'get-idempotency-key': 1,
  'receive-notification': 1,
  ...Object.fromEntries(SCHEDULED.map((name) => [name, 1])),
};

const FULL = { operations: 10_500, clients: 240, deck: FULL_DECK, counts: { ...SEVERAL, ...OTHERS }, restMs: 900 };
const SHORT = { operations: 600, clients: 60, deck: SHORT_DECK, counts: { ...FEW, ...OTHERS }, restMs: 500 };
/** A round that takes longer waits for an event that will not come: its last sentence says for which. */
const LONGEST_ROUND_MS = { short: 10 * 60_000, full: 30 * 60_000 };
const FIRST_SEED = 20_261_121;
const ROUNDS = 10;

function whole(name: 'seed' | 'operations' | 'rounds'): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`--${name} must be a whole number.`);
  return Number(value);
}

const tell = (line: string) => void process.stdout.write(`${line}\n`);
const plan = values.short ? SHORT : FULL;
const isWhole =
  !values.short && values.seed === undefined && values.operations === undefined && values.rounds === undefined;
const seed = whole('seed') ?? FIRST_SEED;
const rounds = whole('rounds') ?? (values.short || values.seed !== undefined ? 1 : ROUNDS);

function giveUp(seed: number): void {
  tell(`seed ${seed}: this takes too long. ${process.getActiveResourcesInfo().join(', ')} are being waited for.`);
  process.exit(1);
}

const results: RoundResult[] = [];
for (let round = 0; round < rounds; round++) {
  const each: RoundPlan = {
    ...plan,
    seed: seed + round,
    operations: whole('operations') ?? plan.operations,
    withoutKafka: values['without-kafka'],
  };
  const limit = setTimeout(giveUp, values.short ? LONGEST_ROUND_MS.short : LONGEST_ROUND_MS.full, each.seed);
  const result = await runRound(each, tell);
  clearTimeout(limit);
  results.push(result);
  const struck = FAULT_NAMES.map((name) => result.struck.filter((each) => each.name === name && each.times > 0).length);
  tell(
    `seed ${each.seed}: ${result.operations} operations in ${result.seconds.toFixed(0)} s, ${result.requests} requests, ` +
      `${result.unknown} were unknown for a while, faults struck ${struck.join(' ')}, ${result.findings} findings`,
  );
  for (const line of result.told) tell(`  ${line}`);
  if (result.findings > 0) tell(`again: node test/faults/run.ts ${values.short ? '--short ' : ''}--seed ${each.seed}`);
  // After each round, so that a run that is stopped early keeps its results.
  if (isWhole) await writeReport(results, rounds);
}
process.exitCode = results.some(({ findings }) => findings > 0) ? 1 : 0;
