// key-auth: knows a consumer by the key in a header, and refuses every other caller. In our kong.yaml that key is a
// digest.

import * as v from 'valibot';
import type { Exchange, Exit, Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  key_names: v.strictTuple([v.string()]),
  key_in_header: v.optional(v.literal(true), true),
  // Keys in addresses end up in logs, and Kong looks there unless told not to.
  key_in_query: v.literal(false, 'must be false: keys in addresses are not played'),
  key_in_body: v.optional(v.literal(false, 'must be false: keys in bodies are not played'), false),
  hide_credentials: v.optional(v.boolean(), false),
  run_on_preflight: v.optional(v.boolean(), true),
  realm: v.optional(v.string()),
});

export function create(config: v.InferOutput<typeof schema>, ground: Ground): Handler {
  const name = config.key_names[0].toLowerCase();
  const challenge = config.realm ? `Key realm="${config.realm}"` : 'Key';
  const refuse = (message: string): Exit => ({
    status: 401,
    body: JSON.stringify({ message }),
    headers: { 'content-type': 'application/json; charset=utf-8', 'www-authenticate': challenge },
  });

  return {
    priority: 1250,
    access(exchange) {
      if (!config.run_on_preflight && exchange.method === 'OPTIONS') return undefined;
      const key = exchange.headers[name];
      if (Array.isArray(key)) return refuse('Duplicate API key found');
      if (key !== undefined && config.hide_credentials) hide(exchange, name);
      if (!key) return refuse('No API key found in request');
      const consumer = ground.apiKeys.find(key);
      if (!consumer) return refuse('Unauthorized');
      exchange.consumer = consumer;
      exchange.headers['x-consumer-username'] = consumer.username;
      if (consumer.customId) exchange.headers['x-consumer-custom-id'] = consumer.customId;
      // Kong sends the id of its credential, which is not the key; here the consumer's name stands in for it.
      exchange.headers['x-credential-identifier'] = consumer.username;
      return undefined;
    },
  };
}

/** Hides it in the query as well, though the plugin does not look there. */
function hide(exchange: Exchange, name: string): void {
  delete exchange.headers[name];
  const kept = exchange.search
    .slice(1)
    .split('&')
    .filter((argument) => argument.split('=')[0] !== name);
  exchange.search = kept.join('&') === '' ? '' : `?${kept.join('&')}`;
}
