import { connect } from 'node:net';

// kafkajs asks a broker for its request versions with an old version of that request, whose answer lacks the broker's
// own version. So this file sends ApiVersions 3, whose answer carries the levels of the broker's features.

export type BrokerVersion = {
  /** "4.3"; "4.3 or later" for a broker that is newer than this file knows. */
  readonly release: string;
  readonly major: number;
  /** The highest level of the feature `metadata.version` the broker supports, which tells its release. */
  readonly metadataLevel: number;
};

/** The first level of `metadata.version` in each release (Kafka's enumeration MetadataVersion). */
const releases: readonly (readonly [level: number, release: string])[] = [
  [1, '3.x'],
  [22, '4.0'],
  [26, '4.1'],
  [28, '4.2'],
  [30, '4.3'],
  [31, '4.4'],
];
const newestLevel = 31;

/** Asks the broker at "host:port". Rejects when it does not answer within the limit, or is too old for the request. */
export async function brokerVersion(broker: string, limitMs = 5000): Promise<BrokerVersion> {
  const answer = await exchange(broker, apiVersionsRequest(), limitMs);
  const metadataLevel = highestLevel(answer, 'metadata.version');
  const known = releases.findLast(([level]) => level <= (metadataLevel ?? 0));
  if (metadataLevel === undefined || !known) throw new Error(`The Kafka at ${broker} does not tell its version.`);
  const release = metadataLevel > newestLevel ? `${known[1]} or later` : known[1];
  return { release, major: Number.parseInt(known[1], 10), metadataLevel };
}

const apiVersions = 18;

/** A whole frame: length, header 2 (key, version, correlation, client, tags), body (two compact strings, tags). */
function apiVersionsRequest(): Buffer {
  const header = Buffer.alloc(10);
  header.writeInt16BE(apiVersions, 0);
  header.writeInt16BE(3, 2);
  header.writeInt32BE(1, 4);
  header.writeInt16BE(-1, 8);
  const noTags = Buffer.from([0]);
  const body = Buffer.concat([header, noTags, compactString('one-gate'), compactString('1'), noTags]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function compactString(text: string): Buffer {
  return Buffer.from([text.length + 1, ...Buffer.from(text)]);
}

/** The highest supported level of a feature: tagged field 0 of the answer's end. */
function highestLevel(answer: Buffer, feature: string): number | undefined {
  let at = 4; // behind the correlation id
  const unsigned = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = answer.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skipTags = () => {
    for (let left = unsigned(); left > 0; left -= 1) {
      unsigned();
      const size = unsigned();
      at += size;
    }
  };
  const error = answer.readInt16BE(at);
  // 35: the broker does not know version 3 of the request (before 2.4).
  if (error !== 0) return undefined;
  at += 2;
  for (let left = unsigned() - 1; left > 0; left -= 1) {
    at += 6; // key, lowest and highest version
    skipTags();
  }
  at += 4; // throttle time
  for (let left = unsigned(); left > 0; left -= 1) {
    const tag = unsigned();
    const end = unsigned() + at;
    if (tag === 0) {
      for (let features = unsigned() - 1; features > 0; features -= 1) {
        const size = unsigned() - 1;
        const name = answer.toString('utf8', at, at + size);
        at += size;
        const highest = answer.readInt16BE(at + 2);
        at += 4;
        skipTags();
        if (name === feature) return highest;
      }
    }
    at = end;
  }
  return undefined;
}

function exchange(broker: string, request: Buffer, limitMs: number): Promise<Buffer> {
  const colon = broker.lastIndexOf(':');
  const socket = connect({ host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
  return new Promise<Buffer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(limitMs, () => reject(new Error(`The Kafka at ${broker} took longer than ${limitMs} ms.`)));
    socket.on('error', (cause) => reject(new Error(`The Kafka at ${broker} does not answer: ${cause.message}.`)));
    socket.on('close', () => reject(new Error(`The Kafka at ${broker} closed the connection.`)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) resolve(received.subarray(4));
    });
    socket.write(request);
  }).finally(() => socket.destroy());
}
