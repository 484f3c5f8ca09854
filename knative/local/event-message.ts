// CloudEvents on the way from Kafka to HTTP, as Knative's Kafka binding maps them: ce_ headers become ce- headers,
// structured events stay whole, and a record that is not a CloudEvent becomes one that names its topic, partition and
// offset.

import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { DeadLetter, EventMessage } from './delivery.ts';
import { NAMESPACE } from './ingress.ts';

export interface Place {
  source: string;
  topic: string;
  partition: number;
}

/** The message that is posted to the sink for a record. */
export function toHttp(message: KafkaMessage, place: Place): EventMessage {
  const body = message.value ?? Buffer.alloc(0);
  const headers = textOf(message.headers);
  const type = headers['content-type'];
  const isEvent = headers['ce_specversion'] !== undefined || type?.startsWith('application/cloudevents') === true;
  if (!isEvent)
    return { headers: { ...foreign(message, headers, place), ...(type && { 'content-type': type }) }, body };
  const posted: Record<string, string> = type ? { 'content-type': type } : {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce_')) posted[`ce-${name.slice(3)}`] = value;
  }
  return { headers: posted, body };
}

/** The event with the attributes that `ceOverrides` of its source adds. They replace the sender's. */
export function withExtensions(
  { headers, body }: EventMessage,
  extensions: Readonly<Record<string, string>>,
): EventMessage {
  const added = Object.entries(extensions);
  if (added.length === 0) return { headers, body };
  if (!headers['content-type']?.startsWith('application/cloudevents')) {
    return {
      headers: { ...headers, ...Object.fromEntries(added.map(([name, value]) => [`ce-${name}`, value])) },
      body,
    };
  }
  // A text that is not JSON is passed on: the sink refuses it.
  const whole = objectOf(body);
  return whole ? { headers, body: Buffer.from(JSON.stringify({ ...whole, ...extensions })) } : { headers, body };
}

function objectOf(body: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The dead letter of a record: itself, with the reason as further attributes. On a cluster it also has the attributes
 * of `ceOverrides`.
 */
export function toDeadLetter(message: KafkaMessage, reason: DeadLetter) {
  const attributes = Object.entries(reason).map(([name, value]) => [`ce_${name}`, value as string]);
  return { key: message.key, value: message.value, headers: { ...message.headers, ...Object.fromEntries(attributes) } };
}

function foreign(message: KafkaMessage, headers: Record<string, string>, { source, topic, partition }: Place) {
  const key = message.key?.toString('utf8');
  const extensions: Record<string, string> = key === undefined ? {} : { 'ce-key': key, 'ce-partitionkey': key };
  for (const [name, value] of Object.entries(headers)) {
    extensions[`ce-kafkaheader${name.toLowerCase().replace(/[^a-z0-9]/g, '')}`] = value;
  }
  return {
    'ce-specversion': '1.0',
    'ce-type': 'dev.knative.kafka.event',
    'ce-id': `partition:${partition}/offset:${message.offset}`,
    'ce-source': `/apis/v1/namespaces/${NAMESPACE}/kafkasources/${source}#${topic}`,
    'ce-time': new Date(Number(message.timestamp)).toISOString(),
    ...extensions,
  };
}

function textOf(headers: IHeaders | undefined): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const one = Array.isArray(value) ? value[0] : value;
    if (one !== undefined) text[name.toLowerCase()] = one.toString('utf8');
  }
  return text;
}
