// How Knative's Kafka source delivers one event, rule by rule: which failures it retries and when, which it sends to
// the dead letters at once, and what a dead letter says about the reason.

import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import * as v from 'valibot';
import { milliseconds } from './duration.ts';

export interface Delivery {
  /** Attempts after the first. */
  retry: number;
  backoffDelayMs: number;
  exponential: boolean;
  /** The time limit of one attempt. */
  timeoutMs: number;
}

export const deliverySchema = v.looseObject({
  retry: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  backoffDelay: v.optional(v.string()),
  backoffPolicy: v.optional(v.picklist(['linear', 'exponential'])),
  timeout: v.optional(v.string()),
  deadLetterSink: v.optional(v.looseObject({ ref: v.looseObject({ kind: v.literal('KafkaSink'), name: v.string() }) })),
});

/** Knative's own values where the manifest is silent: ten retries in about ten minutes. */
export function readDelivery(given: v.InferOutput<typeof deliverySchema> | undefined, place: string): Delivery {
  return {
    retry: given?.retry ?? 10,
    backoffDelayMs: milliseconds(given?.backoffDelay ?? 'PT0.3S', `${place}: backoffDelay`),
    exponential: (given?.backoffPolicy ?? 'exponential') === 'exponential',
    timeoutMs: milliseconds(given?.timeout ?? 'PT600S', `${place}: delivery.timeout`),
  };
}

/** An event as HTTP carries it: binary (ce- headers) or structured (its media type). */
export interface EventMessage {
  headers: Record<string, string>;
  body: Buffer;
}

/** The last failure, as the extension attributes of a dead letter (base64 where Knative has it so). */
export interface DeadLetter {
  knativeerrordest: string;
  knativeerrorcode?: string;
  knativeerrordata?: string;
}

/** Knative keeps the first bytes of the answer only. */
const ERROR_DATA_BYTES = 1024;

/** A sink: its cluster-local address, and the local server that answers it. */
export interface SinkAddress {
  url: URL;
  ingress: Dispatcher;
}

/** Posts until the sink takes the event, or it is a dead letter. Rejects only when the signal aborts it. */
export async function deliver(
  sink: SinkAddress,
  event: EventMessage,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<'delivered' | DeadLetter> {
  for (let attempt = 0; ; attempt += 1) {
    const result = await post(sink, event, delivery.timeoutMs, signal);
    signal.throwIfAborted();
    if (result === 'delivered') return result;
    if (!result.again || attempt === delivery.retry) return { knativeerrordest: sink.url.href, ...result.reason };
    await delay(backoff(delivery, attempt + 1), undefined, { signal, ref: false });
  }
}

/** The wait before retry n, from 1, in milliseconds. */
export function backoff({ backoffDelayMs, exponential }: Delivery, retry: number): number {
  return exponential ? backoffDelayMs * 2 ** retry : backoffDelayMs * retry;
}

interface Refusal {
  again: boolean;
  reason: Omit<DeadLetter, 'knativeerrordest'>;
}

/** One attempt. */
export async function post(
  { url, ingress }: SinkAddress,
  { headers, body }: EventMessage,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<'delivered' | Refusal> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await ingress.request({
      method: 'POST',
      path: url.pathname,
      headers: { ...headers, host: url.host },
      body,
      headersTimeout: 0,
      bodyTimeout: 0,
      signal: limit,
    });
    const said = Buffer.from(await answer.body.arrayBuffer());
    const status = answer.statusCode;
    if (status >= 200 && status < 300) return 'delivered';
    const data = said.subarray(0, ERROR_DATA_BYTES).toString('base64');
    return { again: isRetried(status), reason: { knativeerrorcode: String(status), knativeerrordata: data } };
  } catch (error) {
    const data = Buffer.from((error as Error).message).toString('base64');
    return { again: true, reason: { knativeerrordata: data } };
  }
}

/** True for 5xx and the 4xx that may pass; everything else is final. */
function isRetried(status: number): boolean {
  return status >= 500 || [404, 408, 409, 429].includes(status);
}
