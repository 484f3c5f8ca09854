// `node kong/lint.ts [file or -]`: checks a rendered configuration as `kong config parse` would, and against our own
// policy. Without a file it renders kong.yaml and routes.yaml for a place that does not exist. Ends with 1 when a thing is
// wrong, with 64 when it could not look.

import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { parseDocument } from 'yaml';
import { type Finding, refused } from './lint/finding.ts';
import { refusedByKong } from './lint/parse.ts';
import { at, isRecord, type Place, textAt } from './lint/place.ts';
import { policy } from './lint/policy.ts';
import { kongFiles, renderKong } from './render.ts';

/** `refused` findings are Kong's verdict on the parsed file, `ours` our own. Paths are such as `services[0].routes[0].paths[0]`. */
export function lintKong(content: unknown): Finding[] {
  if (!isRecord(content)) return [refused('', 'It is not a configuration of Kong.')];
  const root: Place = { path: '', value: content };
  return [...refusedByKong(root), ...policy(root)];
}

export function lintKongText(yaml: string): { content: unknown; findings: Finding[] } {
  const document = parseDocument(yaml);
  const [error] = document.errors;
  if (error) return { content: undefined, findings: [refused('', `It is not YAML: ${error.message.split('\n')[0]}.`)] };
  const content: unknown = document.toJS();
  return { content, findings: lintKong(content) };
}

/** Where that place has the Services of functions. */
export const NAMESPACE = 'example';

/** kong.yaml and routes.yaml for a place that does not exist: placeholders are only right once they are filled. */
export async function renderedForNowhere(): Promise<string> {
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return renderKong(await kongFiles(), {
    publicUrl: 'https://gate.example',
    namespace: NAMESPACE,
    redisHost: 'redis.example',
    gatewayProof: 'example-of-a-proof-'.repeat(2),
    publicKeys: JSON.stringify({ keys: [{ ...key, kid: 'example' }] }),
    operatorAddresses: ['10.0.0.0/8'],
    apiKeys: [],
  });
}

/** Services and routes are known by their names, not by their numbers: "services[pay].routes[pay].paths[0]". */
export function named(content: unknown, path: string): string {
  let place: Place = { path: '', value: content };
  const steps = path.split(/\.|(?=\[)/).map((step) => {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    if (index === undefined) {
      place = at(place, step);
      return `.${step}`;
    }
    place = { path: '', value: Array.isArray(place.value) ? place.value[Number(index)] : undefined };
    return `[${textAt(place, 'name') ?? textAt(place, 'username') ?? index}]`;
  });
  return steps.join('').slice(1);
}

if (process.argv[1] === import.meta.filename) {
  const [given, ...more] = process.argv.slice(2);
  try {
    if (more.length > 0) throw new Error('node kong/lint.ts [file or -]');
    const yaml =
      given === undefined ? renderedForNowhere() : given === '-' ? text(process.stdin) : readFile(given, 'utf8');
    const { content, findings } = lintKongText(await yaml);
    for (const { path, sentence } of findings) {
      const parts = [given ?? 'kong', named(content, path), sentence];
      process.stdout.write(`${parts.filter((part) => part !== '').join(': ')}\n`);
    }
    const refusals = findings.filter(({ kind }) => kind === 'refused').length;
    process.stdout.write(
      `Checked as Kong 3.9 parses it, but for the Lua, which only tests run: Kong would refuse ${refusals} things, ` +
        `our policy ${findings.length - refusals}.\n`,
    );
    process.exitCode = findings.length > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 64;
  }
}
