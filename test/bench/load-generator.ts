// The run's side of the load generator.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Command, Load, Measured, Preparation } from './load.ts';

export interface LoadGenerator {
  pid: number;
  /** Signs the fresh tokens of the next load, which takes a second or two. */
  freshen(): Promise<void>;
  run(load: Load): Promise<Measured>;
  stop(): Promise<void>;
}

/** Starts it and lets it prepare its requests; it ends with this process, however that ends. */
export async function startLoadGenerator(preparation: Preparation): Promise<LoadGenerator> {
  const child = fork(new URL('load.ts', import.meta.url), { execArgv: [], env: { PATH: process.env['PATH'] } });
  await ask(child, { prepare: preparation });
  return {
    pid: child.pid as number,
    freshen: async () => {
      await ask(child, { freshen: true });
    },
    run: async (load) => {
      const answer = await ask(child, { load });
      if (!('measured' in answer)) throw new Error('the load generator answered something else');
      return answer.measured;
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

async function ask(child: ChildProcess, command: Command): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const onEnd = () => reject(new Error('the load generator has ended'));
  child.once('message', resolve);
  child.once('exit', onEnd);
  child.send(command);
  const answer = await promise.finally(() => {
    child.off('message', resolve);
    child.off('exit', onEnd);
  });
  if ('failed' in answer) throw new Error(`the load generator: ${answer.failed}`);
  return answer;
}
