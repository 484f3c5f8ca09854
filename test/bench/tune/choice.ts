// The settings that a function's figures ask for, each with its reason. Pure.

/** The figures of one instance with so many requests in flight. */
export interface Step {
  concurrency: number;
  /** Answers per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  p99: number;
  /** CPU milliseconds per answer, of the function's process. */
  cpuMs: number;
  rssMiB: number;
  /**
   * The most connections at work at once, and the share of the time in which the whole pool was: a further request
   * waits then.
   */
  busy: number;
  poolFull: number;
  /** Answers other than success. */
  failed: number;
}

export interface Setting {
  name: string;
  value: number;
  unit: string;
  why: string;
}

/** Twice as many in flight must bring this many times the answers; otherwise all requests only wait longer. */
const WORTH_DOUBLING = 1.15;
/** Knative takes this share of `target`. */
const UTILIZATION = 0.7;
/** The pool is too small when it is full for so much of the time while the CPU has so much left. */
const OFTEN_FULL = 0.5;
const BUSY_CPU = 0.8;

/** Undefined when no step went without failures. `pool`: DATABASE_POOL_SIZE as it was measured; undefined without a database. */
export function choose(steps: readonly Step[], pool: number | undefined): Setting[] | undefined {
  const clean = steps.filter(({ failed }) => failed === 0);
  const knee = clean.find((step) => gainOfDoubling(step, clean) < WORTH_DOUBLING);
  if (!knee) return undefined;
  const room = clean.find(({ concurrency }) => concurrency >= 2 * knee.concurrency) ?? clean.at(-1) ?? knee;
  const memory = Math.max(
    ...clean.filter(({ concurrency }) => concurrency <= room.concurrency).map(({ rssMiB }) => rssMiB),
  );
  return [
    {
      name: 'target',
      value: knee.concurrency,
      unit: '',
      why: `${whole(knee.rate)} answers a second; twice as many in flight would ${atMost(gainOfDoubling(knee, clean))}.`,
    },
    {
      name: 'containerConcurrency',
      value: room.concurrency,
      unit: '',
      why: `a burst has room while the next instance starts: p99 is ${whole(room.p99)} ms then, after ${whole(knee.p99)}.`,
    },
    ...(pool === undefined ? [] : [poolSize(knee, pool)]),
    {
      name: 'requests.cpu',
      value: Math.max(50, roundUp(UTILIZATION * cores(knee) * 1000, 50)),
      unit: 'm',
      why: `${cores(knee).toFixed(2)} cores at target, of which the autoscaler takes ${UTILIZATION * 100} %.`,
    },
    { name: 'requests.memory', value: roundUp(memory, 32), unit: 'Mi', why: `it had ${whole(memory)} MiB at most.` },
    {
      name: 'limits.memory',
      value: 2 * roundUp(memory, 32),
      unit: 'Mi',
      why: 'twice as much: being killed costs more than memory does.',
    },
  ];
}

/** The most that doubling brings from here on, at any later step: 1 for nothing. */
function gainOfDoubling(from: Step, steps: readonly Step[]): number {
  const later = steps.filter(({ concurrency }) => concurrency > from.concurrency);
  const gains = later.map((to) => (to.rate / from.rate) ** (1 / Math.log2(to.concurrency / from.concurrency)));
  return Math.max(1, ...gains);
}

function atMost(gain: number): string {
  return gain > 1.005 ? `give at most ${whole((gain - 1) * 100)} % more` : 'give no more';
}

function poolSize(knee: Step, pool: number): Setting {
  const setting = { name: 'DATABASE_POOL_SIZE', unit: '' };
  const share = `${whole(knee.poolFull * 100)} % of the time all ${pool} were at work`;
  if (knee.poolFull >= OFTEN_FULL && cores(knee) < BUSY_CPU) {
    const why = `${share}, while ${cores(knee).toFixed(2)} cores were used: measure again with one more.`;
    return { ...setting, value: pool + 1, why };
  }
  // The looks miss short work, so a low number of busy connections is no reason to make the pool smaller.
  const why =
    knee.poolFull === 0
      ? `it was never seen full, ${knee.busy} of ${pool} at most.`
      : `${share}, and ${cores(knee).toFixed(2)} cores were used: a larger pool would not help.`;
  return { ...setting, value: pool, why };
}

export function cores({ cpuMs, rate }: Step): number {
  return (cpuMs * rate) / 1000;
}

function roundUp(value: number, grain: number): number {
  return Math.ceil(value / grain) * grain;
}

function whole(value: number): string {
  return value.toFixed(0);
}
