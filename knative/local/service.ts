// One Knative Service: holds requests while instances start, lets no instance have more than containerConcurrency, adds and removes
// instances as the autoscaler says, replaces those that crash.

import { setTimeout as delay } from 'node:timers/promises';
import { decide, newState, within } from './autoscaler.ts';
import { concurrencyMeter } from './concurrency.ts';
import { type Cluster, type Instance, startInstance } from './instance.ts';
import type { ServiceManifest } from './manifests.ts';
import { waitingLine } from './waiting-line.ts';

/** queue-proxy lets this many times containerConcurrency wait per instance; the next one gets 503. */
const QUEUE_FACTOR = 10;
/** After a failed start the next waits this long, doubling. */
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** How long after its last connection broke a process may still be noticed to have ended. */
const DYING_MS = 2000;

/** Why a request gets no instance; both are a 503. */
export class NoInstance extends Error {}

export interface Lease {
  readonly instance: Instance;
  /** It broke off a connection: it gets no further request until its readiness probe has passed. */
  suspect(): void;
  release(): void;
}

export interface ServiceStatus {
  name: string;
  instances: { pid: number; port: number; state: 'ready' | 'stopping'; inFlight: number; startedAt: string }[];
  starting: number;
  wanted: number;
  inFlight: number;
  queued: number;
  coldStarts: number;
  crashes: number;
  containerConcurrency: number;
  minScale: number;
  maxScale: number;
}

export interface Service {
  readonly manifest: ServiceManifest;
  /** An instance with room, at once or as soon as there is one. Rejects with NoInstance, or when the signal aborts. */
  acquire(signal: AbortSignal): Promise<Lease>;
  /** One decision of the autoscaler. */
  tick(): void;
  status(): ServiceStatus;
  /** Takes no more requests, lets instances finish, stops them. */
  stop(): Promise<void>;
}

interface Member {
  instance: Instance;
  inFlight: number;
  stopping: boolean;
  suspected: boolean;
  /** Called when an instance that stops has no request in hand any more. */
  idle?: () => void;
}

export function createService(
  cluster: Cluster,
  manifest: ServiceManifest,
  environment: Readonly<Record<string, string>>,
): Service {
  const { name, scale } = manifest;
  const room = manifest.containerConcurrency === 0 ? Number.POSITIVE_INFINITY : manifest.containerConcurrency;
  const members = new Set<Member>();
  const meter = concurrencyMeter(scale.windowMs);
  const state = newState();
  const stops = new Set<Promise<void>>();
  let starting = 0;
  let wanted = scale.min;
  let coldStarts = 0;
  let crashes = 0;
  let failures = 0;
  let notBefore = 0;
  let lastFailure = '';
  let zeroSince: number | undefined;
  let closed = false;

  const serving = () => [...members].filter(({ stopping, suspected }) => !stopping && !suspected);
  const inFlight = () => [...members].reduce((sum, member) => sum + member.inFlight, 0);
  const measure = () => meter.set(inFlight() + queue.length);
  const queue = waitingLine<Lease>(measure);

  function acquire(signal: AbortSignal): Promise<Lease> {
    if (closed) return Promise.reject(new NoInstance('the platform is stopping'));
    const member = roomiest();
    if (member) return Promise.resolve(lend(member));
    if (queue.length >= QUEUE_FACTOR * room * Math.max(1, members.size)) {
      return Promise.reject(new NoInstance(`${name}: pending request queue full`));
    }
    if (serving().length === 0 && starting === 0) {
      if (Date.now() < notBefore) return Promise.reject(new NoInstance(lastFailure));
      coldStarts += 1;
      wanted = within(scale, Math.max(1, wanted, scale.activation));
      startMissing();
    }
    return queue.wait(signal);
  }

  /** The instance with the least in hand, if it has room. */
  function roomiest(): Member | undefined {
    let best: Member | undefined;
    for (const member of members) {
      if (!member.stopping && !member.suspected && member.inFlight < room && (!best || member.inFlight < best.inFlight))
        best = member;
    }
    return best;
  }

  function lend(member: Member): Lease {
    member.inFlight += 1;
    measure();
    let out = true;
    return {
      instance: member.instance,
      suspect: () => void examine(member),
      release: () => {
        if (!out) return;
        out = false;
        member.inFlight -= 1;
        measure();
        if (member.inFlight === 0) member.idle?.();
        serveQueue();
      },
    };
  }

  async function examine(member: Member): Promise<void> {
    if (member.suspected || member.stopping) return;
    member.suspected = true;
    const ready = await member.instance.isReady();
    // Most likely it has just died, and its exit will be noticed in a moment.
    if (!ready) await Promise.race([member.instance.ended, delay(DYING_MS, undefined, { ref: false })]);
    if (!members.has(member) || member.stopping) return;
    if (ready) {
      member.suspected = false;
      return serveQueue();
    }
    cluster.log(`${name}: instance ${member.instance.pid} is not ready any more`);
    stopMember(member);
    startMissing();
  }

  function serveQueue(): void {
    queue.serve(() => {
      const member = roomiest();
      return member && lend(member);
    });
  }

  function tick(): void {
    if (closed) return;
    const now = performance.now();
    const ready = serving().length;
    const seen = { now, stable: meter.average(scale.windowMs), panic: meter.average(scale.panicWindowMs), ready };
    let count = within(scale, decide(scale, state, seen));
    // The last instance stays for the retention period, and as long as a request waits.
    if (count === 0 && (queue.length > 0 || inFlight() > 0)) count = 1;
    if (count === 0 && ready + starting > 0) {
      zeroSince ??= now;
      if (now - zeroSince < scale.retentionMs) count = 1;
    } else zeroSince = undefined;
    wanted = count;
    startMissing();
    stopSurplus();
  }

  function startMissing(): void {
    if (closed || Date.now() < notBefore) return;
    while (serving().length + starting < wanted) void startOne();
  }

  async function startOne(): Promise<void> {
    starting += 1;
    const begun = Date.now();
    try {
      const instance = await startInstance(cluster, manifest, environment);
      starting -= 1;
      failures = 0;
      const member: Member = { instance, inFlight: 0, stopping: false, suspected: false };
      members.add(member);
      void instance.ended.then((how) => ended(member, how));
      cluster.log(
        `${name}: instance ${instance.pid} ready after ${Date.now() - begun} ms (${serving().length} running)`,
      );
      if (closed) stopMember(member);
      serveQueue();
    } catch (error) {
      starting -= 1;
      failed((error as Error).message);
    }
  }

  function failed(reason: string): void {
    failures += 1;
    crashes += 1;
    lastFailure = reason;
    notBefore = Date.now() + Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
    cluster.log(reason);
    if (serving().length > 0 || starting > 0) return;
    queue.refuseAll(new NoInstance(reason));
  }

  function ended(member: Member, how: string): void {
    members.delete(member);
    member.idle?.();
    if (member.stopping || closed) return;
    crashes += 1;
    cluster.log(
      `${name}: instance ${member.instance.pid} crashed with ${how}, ${member.inFlight} requests were in its hands`,
    );
    track(member.instance.stop());
    if (queue.length > 0) wanted = Math.max(1, wanted);
    startMissing();
  }

  function stopSurplus(): void {
    const surplus = serving().sort((one, other) => one.inFlight - other.inFlight);
    for (const member of surplus.slice(0, Math.max(0, surplus.length - wanted))) stopMember(member);
  }

  function stopMember(member: Member): void {
    member.stopping = true;
    cluster.log(`${name}: instance ${member.instance.pid} is stopped (${serving().length} running)`);
    track(drainAndStop(member));
  }

  // It gets no new request. It may finish those in hand, then it gets SIGTERM.
  async function drainAndStop(member: Member): Promise<void> {
    if (member.inFlight > 0) {
      const idle = new Promise<void>((resolve) => {
        member.idle = resolve;
      });
      await Promise.race([idle, delay(manifest.timeoutSeconds * 1000, undefined, { ref: false })]);
    }
    await member.instance.stop();
    members.delete(member);
  }

  function track(stop: Promise<void>): void {
    stops.add(stop);
    void stop.finally(() => stops.delete(stop));
  }

  return {
    manifest,
    acquire,
    tick,
    status: () => ({
      name,
      instances: [...members].map(({ instance, stopping, inFlight: hand }) => ({
        pid: instance.pid,
        port: instance.port,
        state: stopping ? 'stopping' : 'ready',
        inFlight: hand,
        startedAt: new Date(instance.startedAt).toISOString(),
      })),
      starting,
      wanted,
      inFlight: inFlight(),
      queued: queue.length,
      coldStarts,
      crashes,
      containerConcurrency: manifest.containerConcurrency,
      minScale: scale.min,
      maxScale: scale.max,
    }),
    async stop() {
      closed = true;
      queue.refuseAll(new NoInstance('the platform is stopping'));
      for (const member of serving()) stopMember(member);
      while (starting > 0) await delay(20);
      await Promise.allSettled(stops);
    },
  };
}
