// Where events go on a machine without Kafka: POST /topics/<topic> takes a CloudEvent and hands it to every function whose KafkaSource
// names the topic, before it answers. There is no log behind it, so a function that cannot take it means 503, and the outbox keeps
// the event until relay-outbox tries again. What is final goes to a file, as it would to the dead letters.

import { appendFile, mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Dispatcher } from 'undici';
import { kindEnd } from '../../kong/local/kind-end.ts';
import { type EventMessage, post } from './delivery.ts';
import { withExtensions } from './event-message.ts';
import { clusterAddress } from './ingress.ts';
import type { KafkaSourceManifest } from './manifests.ts';

export interface TopicSink {
  /** For K_SINK: `http://127.0.0.1:port/topics/{topic}`. */
  address: string;
  stop(): Promise<void>;
}

export interface TopicSinkOptions {
  sources: readonly KafkaSourceManifest[];
  topics: readonly string[];
  ingress: Dispatcher;
  /** Dead letters go to `dead-letters/<topic>.jsonl` in here. */
  dataDirectory: string;
  log(sentence: string): void;
}

export async function startTopicSink(options: TopicSinkOptions): Promise<TopicSink> {
  const ending = new AbortController();
  const server = createServer((request, response) => {
    take(request, options, ending.signal).then(
      (status) => response.writeHead(status).end(),
      (error: Error) => {
        options.log(`An event could not be taken: ${error.message}`);
        failed(response);
      },
    );
  });
  const end = kindEnd(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/topics/{topic}`,
    stop: () => {
      ending.abort(new Error('the platform is stopping'));
      return end();
    },
  };
}

async function take(request: IncomingMessage, options: TopicSinkOptions, signal: AbortSignal): Promise<number> {
  const topic = /^\/topics\/([\w.-]+)$/.exec(request.url ?? '')?.[1];
  if (request.method !== 'POST' || topic === undefined || !options.topics.includes(topic)) return 404;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && (name === 'content-type' || name.startsWith('ce-'))) headers[name] = value;
  }
  const event: EventMessage = { headers, body: await buffer(request) };
  const sources = options.sources.filter(({ topics }) => topics.includes(topic));
  const results = await Promise.all(sources.map((source) => handOver(source, event, options, signal)));
  return results.every((taken) => taken) ? 202 : 503;
}

/** Whether the event is done with, as far as this source is concerned. */
async function handOver(
  source: KafkaSourceManifest,
  event: EventMessage,
  { ingress, dataDirectory, log }: TopicSinkOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const url = new URL(clusterAddress(source.sink.service, source.sink.path));
  const result = await post(
    { url, ingress },
    withExtensions(event, source.extensions),
    source.delivery.timeoutMs,
    signal,
  );
  if (result === 'delivered') return true;
  if (result.again) return false;
  log(
    `${source.sink.service} refused event ${event.headers['ce-id']} with ${result.reason.knativeerrorcode}: it is a dead letter`,
  );
  if (source.deadLetterTopic === undefined) return true;
  const folder = join(dataDirectory, 'dead-letters');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const letter = {
    ...event.headers,
    ...result.reason,
    knativeerrordest: url.href,
    data: event.body.toString('base64'),
  };
  await appendFile(join(folder, `${source.deadLetterTopic}.jsonl`), `${JSON.stringify(letter)}\n`, { mode: 0o600 });
  return true;
}

function failed(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(503).end();
}
