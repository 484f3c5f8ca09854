// `make explain FUNCTION=pay`: what the manifest of its Service means, in plain sentences; without FUNCTION one line for every Service.
//   node knative/explain.ts [function or Service] [--overlay development]      without --overlay as production runs it

import process from 'node:process';
import { parseArgs } from 'node:util';
import { connectionsOf, type Meaning } from './explain/meaning.ts';
import { overview, readMeanings } from './explain/overview.ts';
import { explain } from './explain/sentences.ts';
import { hostOfFunction } from './functions.ts';
import { readManifests } from './local/manifests.ts';
import { folderOf, type Overlay, overlayNamed } from './overlays.ts';

/** Of the Service of that name, or of the one that hosts the function of that name. */
async function meaningOf(wanted: string, meanings: readonly Meaning[], overlay: Overlay): Promise<Meaning> {
  const named = (name: string) => meanings.find((meaning) => meaning.name === name);
  const direct = named(wanted);
  if (direct) return direct;
  const { services } = await readManifests(folderOf(overlay), 'passed over');
  const host = await hostOfFunction(wanted, services).catch(() => undefined);
  const meaning = host && named(host.name);
  if (meaning) return meaning;
  throw new Error(
    `There is no function and no Service ${wanted}. There are: ${meanings.map(({ name }) => name).join(', ')}.`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { overlay: { type: 'string', default: 'production' } },
    allowPositionals: true,
  });
  const overlay = overlayNamed(values.overlay);
  const meanings = await readMeanings(overlay);
  const [wanted] = positionals;
  if (!wanted) process.stdout.write(overview(meanings));
  else {
    const meaning = await meaningOf(wanted, meanings, overlay);
    process.stdout.write(`${explain(meaning, { overlay, connections: connectionsOf(meanings) })}\n`);
  }
}

await main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
