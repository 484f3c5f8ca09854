// Who has sent a request. Any pod of a cluster can reach a function through Knative's router, so that an address proves nothing. The
// gateway and the sources of events each prove themselves by a secret of their own. Without it nothing is done (README.md).

import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { eventTokens, listenAddress, proofs } from '../environment.ts';
import type { Headers } from '../http/function.ts';
import { Problem } from '../http/problem.ts';
import { log } from '../telemetry/log.ts';
import { type Delivery, writeProblem } from './reply.ts';

/** Kong sets it on each request to a function, and removes a caller's own. */
const GATEWAY_HEADER = 'x-gateway-proof';
/** One line a minute tells the operator enough, and an attacker cannot fill the log. */
const QUIET_MS = 60_000;

export interface Senders {
  /** The address to listen on; undefined for all of the machine's. */
  readonly listenOn: string | undefined;
  /** Takes the proof out of the headers, so that nothing behind this sees it. */
  isGateway(request: IncomingMessage): boolean;
  /** `proof` is what the event bears as the extension `sourceproof`. */
  isSource(headers: Headers, proof: unknown): boolean | Promise<boolean>;
}

/** Throws a sentence when the process belongs to Knative and is not told how the gateway and the sources prove themselves. */
export function readSenders(): Senders {
  const known = proofs();
  // Started by hand, for a test or a measurement: it listens on loopback only, which other machines cannot reach.
  if (!known) return { listenOn: '127.0.0.1', isGateway: () => true, isSource: () => true };
  const isGatewaysProof = comparison(known.gateway);
  const isSourcesProof = comparison(known.source);
  const tokens = eventTokens();
  return {
    listenOn: listenAddress(),
    isGateway({ headers }) {
      const proof = headers[GATEWAY_HEADER];
      if (proof === undefined) return false;
      delete headers[GATEWAY_HEADER];
      return isGatewaysProof(proof);
    },
    isSource: (headers, proof) =>
      tokens
        ? import('./source-token.ts').then(({ isTokenOfSource }) => isTokenOfSource(headers.authorization, tokens))
        : isSourcesProof(proof),
  };
}

/** Takes as long for any value of the right length, so that none can be found letter by letter. */
function comparison(secrets: readonly string[]): (given: unknown) => boolean {
  const expected = secrets.map((secret) => Buffer.from(secret));
  return (given) => {
    if (typeof given !== 'string') return false;
    const bytes = Buffer.from(given);
    return expected.some((secret) => secret.length === bytes.length && timingSafeEqual(secret, bytes));
  };
}

/** Final for a KafkaSource: its event goes to the dead letters. */
export function answerUnknownSender(request: IncomingMessage, delivery: Delivery): void {
  tell();
  if (!request.complete) delivery.response.setHeader('connection', 'close');
  writeProblem(delivery, new Problem('sender_unknown'));
  if (!request.complete) request.resume();
}

let quietUntil = 0;

function tell(): void {
  const now = Date.now();
  if (now < quietUntil) return;
  quietUntil = now + QUIET_MS;
  log.warn({}, 'a request was refused: neither the gateway nor a source has proven that it sent it');
}
