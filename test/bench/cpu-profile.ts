// Reads a CPU profile of V8 and says which part of the program the time went to, per request.

import { readFile } from 'node:fs/promises';

interface Node {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

interface Profile {
  nodes: Node[];
  /** Microseconds of a clock that all processes share. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

export interface CpuShares {
  /** Rows of a table: part, microseconds per request, share of the time that was not idle. */
  groups: string[][];
  /** The same for the functions that took most by themselves. */
  functions: string[][];
}

const MOST_FUNCTIONS = 40;

/** Packages and folders by the part they belong to; the first that matches an address has it. */
const PLACES: readonly [pattern: RegExp, part: string][] = [
  [/\/node_modules\/(pg|pg-[\w-]+|postgres-[\w-]+|pgpass)\//, 'pg driver'],
  [/\/node_modules\/kafkajs\//, 'kafkajs'],
  [/\/node_modules\/jose\//, 'tokens (jose)'],
  [/\/node_modules\/valibot\//, 'validation (valibot)'],
  [/\/node_modules\/uuid\//, 'ids (uuid)'],
  [/\/node_modules\/(@upstash|undici)/, 'Redis client'],
  [/\/shared\/telemetry\/log/, 'log'],
  [/\/node_modules\//, 'framework (Express and its middleware)'],
  [/\/shared\/ledger\//, 'ledger'],
  [/\/shared\/events\//, 'events'],
  [/\/shared\/sessions\//, 'sessions'],
  [/\/shared\/(host|http)\//, 'host'],
  [/\/shared\//, 'shared, other'],
  [/\/functions\/|\/test\/bench\//, 'function'],
  [/^node:(_http|internal\/http|internal\/_http)/, 'HTTP (node:http)'],
  [/^node:internal\/crypto/, 'node:crypto'],
];

/**
 * Of the samples between two moments only, taken every `interval` microseconds. `cpuTime`: the microseconds per request that the
 * process has really had, which the shares are of.
 */
export async function sharesOf(
  file: string,
  window: { from: number; to: number },
  interval: number,
  cpuTime: number,
): Promise<CpuShares> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as Profile;
  const times = selfTimes(profile, window, interval);
  const parts = partsOf(profile.nodes);
  const byPart = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let busy = 0;
  for (const node of profile.nodes) {
    const time = times.get(node.id) ?? 0;
    const part = parts.get(node.id) ?? '';
    if (part === 'idle' || time === 0) continue;
    busy += time;
    byPart.set(part, (byPart.get(part) ?? 0) + time);
    const name = `${node.callFrame.functionName || '(anonymous)'}\n${placeOf(node)}\n${part}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + time);
  }
  const row = (name: string[], time: number) => [
    ...name,
    ((time / busy) * cpuTime).toFixed(1),
    `${((time / busy) * 100).toFixed(1)} %`,
  ];
  return {
    groups: [...sorted(byPart), ['all', busy] as const].map(([part, time]) => row([part], time)),
    functions: sorted(byFunction)
      .slice(0, MOST_FUNCTIONS)
      .map(([name, time]) => {
        const [called = '', place = '', part = ''] = name.split('\n');
        return row([`\`${called}\``, place || part], time);
      }),
  };
}

function selfTimes(
  { startTime, samples, timeDeltas }: Profile,
  { from, to }: { from: number; to: number },
  interval: number,
): Map<number, number> {
  const times = new Map<number, number>();
  let time = startTime;
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0;
    time += delta;
    // A late sample comes from a process that was not running: other processes used that time.
    if (time >= from && time < to) times.set(id, (times.get(id) ?? 0) + Math.min(delta, 2 * interval));
  }
  return times;
}

// The time of Node's own code (streams, buffers, built-in functions) belongs to its caller.
function partsOf(nodes: Node[]): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parts = new Map<number, string>();
  const visit = (node: Node, inherited: string) => {
    const part = ownPartOf(node) ?? inherited;
    parts.set(node.id, part);
    for (const id of node.children ?? []) visit(byId.get(id) as Node, part);
  };
  if (nodes[0]) visit(nodes[0], 'sockets, streams, timers (node)');
  return parts;
}

function ownPartOf({ callFrame: { functionName, url } }: Node): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(program)') return 'native code and system calls';
  if (url === '' && (functionName === 'parse' || functionName === 'stringify')) return 'JSON';
  return PLACES.find(([pattern]) => pattern.test(url))?.[1];
}

function placeOf({ callFrame: { url, lineNumber } }: Node): string {
  if (url === '') return '';
  const short = url.replace(/^.*\/node_modules\//, '').replace(/^file:.*?\/(shared|functions|test)\//, '$1/');
  return `${short}:${lineNumber + 1}`;
}

function sorted(times: ReadonlyMap<string, number>): (readonly [string, number])[] {
  return [...times].sort(([, a], [, b]) => b - a);
}
