// The meaning of a manifest in plain sentences, one screen of them, and as a row of the table of all functions.

import { CONNECTION_BUDGET, type EventLoad, type Meaning, type SourceMeaning } from './meaning.ts';

const WIDTH = 118;
const LABEL = 13;
/** What a cold start may take before the gateway gives up. */
const COLD_START_MS = 5000;

export interface Circumstances {
  /** Where it runs. */
  overlay: string;
  /** Connections of all functions together. */
  connections: number;
}

/** What `make explain FUNCTION=pay` prints. */
export function explain(meaning: Meaning, circumstances: Circumstances): string {
  const parts: [label: string, sentences: string[]][] = [
    ['Woken by', wokenBy(meaning)],
    ['Concurrency', concurrency(meaning)],
    ['Scaling', scaling(meaning)],
    ['Idle', idle(meaning)],
    ['Time', time(meaning)],
    ['Database', database(meaning, circumstances)],
    ['Events', meaning.events ? events(meaning.events, meaning) : []],
    ['Look at', objections(meaning, circumstances)],
  ];
  const shown = parts.filter(([, sentences]) => sentences.length > 0);
  return [`${meaning.name} in ${circumstances.overlay}`, '', ...shown.map(paragraph)].join('\n');
}

function paragraph([label, sentences]: [string, string[]]): string {
  const lines: string[] = [];
  let line = '';
  for (const word of sentences.join(' ').split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH - LABEL) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => (index === 0 ? label : '').padEnd(LABEL) + each).join('\n');
}

function wokenBy({ gatewayTimeoutMs, events, schedules }: Meaning): string[] {
  return [
    ...(gatewayTimeoutMs === undefined ? [] : ['Requests through the gateway.']),
    ...(events?.sources ?? []).map(({ name, topics }) => `The source ${name}, which reads ${topics.join(' and ')}.`),
    ...schedules.map(({ schedule, everyMs }) => `A schedule, ${schedule}: every ${duration(everyMs)}.`),
  ];
}

function concurrency({ concurrency: each, queue, refused, instances }: Meaning): string[] {
  if (each === Number.POSITIVE_INFINITY)
    return ['An instance takes whatever comes (containerConcurrency 0): no queue, no 503.'];
  const one = `An instance works on ${each} at a time and lets ${queue} more wait; number ${refused.oneInstance} gets 503.`;
  if (instances.max === 1 || refused.allInstances === Number.POSITIVE_INFINITY) return [one];
  return [one, `With all ${instances.max} instances it is number ${refused.allInstances}.`];
}

function scaling({ target, wanted, utilization, instances: { min, max }, fullFrom }: Meaning): string[] {
  const aim = `The autoscaler aims at ${number(target)} in flight per instance: ${number(utilization * 100)} % of ${number(wanted)}, the smaller of target and containerConcurrency.`;
  if (max === 1) return ['There is never more than one instance (max-scale 1).'];
  if (max === Number.POSITIVE_INFINITY) return [aim, 'There is no limit to instances.'];
  const from = min > 0 ? `${min} instances always run. ` : '';
  return [
    aim,
    `${from}From ${fullFrom} in flight on it wants ${max}, which is max-scale: beyond that only queues grow.`,
  ];
}

function idle({ idleToZeroMs, windowMs, retentionMs, instances }: Meaning): string[] {
  if (instances.min > 0) return [`It never goes to zero: min-scale is ${instances.min}.`];
  if (idleToZeroMs === undefined) return ['It never goes to zero: its schedule comes sooner.'];
  const after =
    retentionMs > 30_000 ? `${duration(retentionMs)} that the last instance is kept` : "30 s of Knative's grace";
  return [
    `${duration(idleToZeroMs)} after its last answer it is at zero: ${duration(windowMs)} of window, then ${after}.`,
    'The next request waits for a start.',
  ];
}

function time({ timeoutMs, gatewayTimeoutMs }: Meaning): string[] {
  const own = `A request may take ${duration(timeoutMs)} (timeoutSeconds), which is also how long a stopping instance may finish.`;
  if (gatewayTimeoutMs === undefined) return [own];
  const left = duration(gatewayTimeoutMs - timeoutMs);
  return [own, `The gateway waits for ${duration(gatewayTimeoutMs)}: ${left} are left for a cold start.`];
}

function database({ database: held, instances }: Meaning, { connections }: Circumstances): string[] {
  if (!held) return ['None: it opens no connection.'];
  return [
    `Role ${held.role}. ${instances.max === 1 ? '1 instance' : `${count(instances.max)} instances`} with a pool of ${held.pool} make ${count(held.connections)} connections;`,
    `all functions together make ${count(connections)} of the ${CONNECTION_BUDGET} there are.`,
  ];
}

function events({ sources, most, room, usefulInstances }: EventLoad, meaning: Meaning): string[] {
  const fit =
    most <= room
      ? `All instances together take ${count(room)} at a time.`
      : `All instances together take ${count(room)} at a time, so ${most - room} wait in queues.`;
  const burst =
    most < meaning.refused.oneInstance
      ? 'Even a single instance has room or a place in its queue for all of them: a cold function refuses no event.'
      : `A single instance refuses those beyond ${meaning.refused.oneInstance - 1} with 503, which the source tries again.`;
  const waste =
    usefulInstances < meaning.instances.max
      ? [
          `No more than ${usefulInstances} instances are ever wanted for that: the other ${count(meaning.instances.max - usefulInstances)} of max-scale are never used.`,
        ]
      : [];
  return [...sources.flatMap(source), fit, burst, ...waste];
}

function source(each: SourceMeaning): string[] {
  const { name, ordered, partitions, consumers, most, retries, retriedForMs, deadLetterTopic } = each;
  const why = ordered
    ? `one per partition (ordered, ${partitions} partitions): more concurrency than that is of no use`
    : `50 for each of ${Math.min(consumers, partitions)} consumers (unordered, ${partitions} partitions)`;
  const end = deadLetterTopic === undefined ? 'is gone: there is no dead-letter sink' : `goes to ${deadLetterTopic}`;
  return [
    `${name} has at most ${most} events under way, ${why}.`,
    `An event that fails is tried ${retries} times more within ${duration(retriedForMs)}, then ${end}.`,
  ];
}

/** What contradicts itself, or is there for nothing. */
export function objections(meaning: Meaning, { connections }: Circumstances): string[] {
  const { name, timeoutMs, gatewayTimeoutMs, events: load, instances } = meaning;
  const found: string[] = [];
  if (gatewayTimeoutMs !== undefined && gatewayTimeoutMs < timeoutMs + COLD_START_MS) {
    found.push(
      `The gateway gives ${name} up after ${duration(gatewayTimeoutMs)}, less than its ${duration(timeoutMs)} and a cold start.`,
    );
  }
  for (const each of load?.sources ?? []) {
    if (each.attemptMs < timeoutMs) {
      found.push(`${each.name} tries again after ${duration(each.attemptMs)}, while the first attempt may still run.`);
    }
    if (each.idleConsumers > 0) {
      found.push(
        `${each.idleConsumers} consumers of ${each.name} get nothing: it reads ${each.partitions} partitions.`,
      );
    }
    if (each.deadLetterTopic === undefined) found.push(`${each.name} keeps no dead letters: an event can be lost.`);
  }
  if (load && load.usefulInstances < instances.max)
    found.push(`A max-scale of ${load.usefulInstances} would be enough.`);
  if (connections > CONNECTION_BUDGET) {
    found.push(
      `All functions together may want ${count(connections)} connections, more than the ${CONNECTION_BUDGET} there are.`,
    );
  }
  return found;
}

export const COLUMNS = [
  'function',
  'at a time',
  'queue',
  '503 from',
  'aims at',
  'instances',
  'all from',
  'at zero after',
  'timeout, gateway',
  'connections',
  'events under way',
] as const;

/** The same function in one line, in the order of COLUMNS. */
export function row(meaning: Meaning): string[] {
  const { name, refused, instances, idleToZeroMs, timeoutMs, gatewayTimeoutMs, database: held, events: load } = meaning;
  const several = instances.max !== 1;
  return [
    name,
    count(meaning.concurrency),
    count(meaning.queue),
    several ? `${count(refused.oneInstance)}, ${count(refused.allInstances)}` : count(refused.oneInstance),
    several ? number(meaning.target) : '',
    `${instances.min}–${count(instances.max)}`,
    several ? count(meaning.fullFrom) : '',
    idleToZeroMs === undefined ? 'never' : duration(idleToZeroMs),
    [timeoutMs, ...(gatewayTimeoutMs === undefined ? [] : [gatewayTimeoutMs])].map(duration).join(', '),
    held ? `${held.role}: ${count(instances.max)} × ${held.pool} = ${count(held.connections)}` : '',
    load
      ? String(load.most)
      : meaning.schedules.length > 0
        ? `1 every ${meaning.schedules.map(({ everyMs }) => duration(everyMs)).join(' and ')}`
        : '',
  ];
}

function count(value: number): string {
  return Number.isFinite(value) ? String(value) : 'any number of';
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** "90 s", "6 min", "7 min 30 s". */
function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 120) return `${number(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = seconds - minutes * 60;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${number(rest)} s`;
}
