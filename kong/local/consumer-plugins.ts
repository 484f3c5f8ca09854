// Plugins of a consumer. Kong looks up each plugin's configuration when its turn comes, and the configuration of a
// consumer who is known by then wins over the route's (kong/runloop/plugins_iterator.lua, lookup_cfg).

import type { Exchange, Handler } from './plugin.ts';

/** The plugins of a route or of everything, by name. */
export type Plugins = ReadonlyMap<string, Handler[]>;

/** Plugins of lower priority run after the consumer is known. */
const KNOWN_BELOW = 1000;

/** The same plugins, with the configuration of each request's consumer. `personal` is by username. */
export function ofConsumers(personal: ReadonlyMap<string, Plugins>, plugins: Plugins): Map<string, Handler[]> {
  const all = new Map(plugins);
  for (const name of new Set([...personal.values()].flatMap((own) => [...own.keys()]))) {
    const choices = new Map([...personal].flatMap(([username, own]) => [[username, own.get(name)?.[0]] as const]));
    const [some] = [...choices.values()].filter((each) => each !== undefined);
    if (!some) continue;
    if (some.priority >= KNOWN_BELOW) throw new Error(`kong.yaml: ${name} runs before the consumer is known.`);
    const [others] = all.get(name) ?? [];
    all.set(name, [chosen(some.priority, ({ consumer }) => choices.get(consumer?.username ?? '') ?? others)]);
  }
  return all;
}

function chosen(priority: number, choose: (exchange: Exchange) => Handler | undefined): Handler {
  return {
    priority,
    access: (exchange) => choose(exchange)?.access?.(exchange),
    headerFilter: (exchange, answer) => choose(exchange)?.headerFilter?.(exchange, answer),
    log: (exchange, status) => choose(exchange)?.log?.(exchange, status),
  };
}
