// All Services of an overlay in one table, and the table of knative/tuning.md: what production runs, and where the others differ.

import { parse } from 'yaml';
import { kongFiles } from '../../kong/render.ts';
import { readManifests } from '../local/manifests.ts';
import { table, textTable, wrapped } from '../local/table.ts';
import { folderOf, OVERLAYS, type Overlay } from '../overlays.ts';
import { CONNECTION_BUDGET, connectionsOf, type Meaning, meaningsOf } from './meaning.ts';
import { COLUMNS, row } from './sentences.ts';

/** The meaning of every Service of an overlay, by name. */
export async function readMeanings(overlay: Overlay): Promise<Meaning[]> {
  const [manifests, gateway] = await Promise.all([readManifests(folderOf(overlay), 'passed over'), gatewayTimeouts()]);
  return meaningsOf(manifests, gateway).sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function gatewayTimeouts(): Promise<Map<string, number>> {
  const { routes } = await kongFiles();
  const { services }: { services: { name: string; read_timeout: number }[] } = parse(routes);
  return new Map(services.map(({ name, read_timeout: timeout }) => [name, timeout]));
}

/** For a terminal. */
export function overview(meanings: readonly Meaning[]): string {
  return `${textTable([[...COLUMNS], ...meanings.map(row)])}\n\n${inAll(meanings)}\n`;
}

/** For Markdown: the table of production, and a sentence for each other overlay. */
export async function tableOfProduction(): Promise<string> {
  const production = await readMeanings('production');
  const others = await Promise.all(
    OVERLAYS.filter((overlay) => overlay !== 'production').map(async (overlay) =>
      difference(overlay, await readMeanings(overlay), production),
    ),
  );
  return [
    ...table(COLUMNS, production.map(row)),
    '',
    inAll(production),
    '',
    wrapped(others.filter((sentence) => sentence !== '').join(' ')),
  ].join('\n');
}

/** Empty when an overlay means the same as production. */
export function difference(overlay: Overlay, meanings: readonly Meaning[], production: readonly Meaning[]): string {
  const rows = production.map(row);
  const columns = COLUMNS.filter((_, column) =>
    meanings.map(row).some((cells, index) => cells[column] !== rows[index]?.[column]),
  );
  if (columns.length === 0) return '';
  const spans = [...new Set(meanings.map(({ instances: { min, max } }) => `${min}–${max}`))].sort();
  return (
    `In ${overlay} these columns differ: ${columns.join('; ')}. Each Service has ${spans.join(' or ')} instances there, ` +
    `and all together hold ${connectionsOf(meanings)} connections.`
  );
}

function inAll(meanings: readonly Meaning[]): string {
  return `All instances of all Services together: ${connectionsOf(meanings)} connections of ${CONNECTION_BUDGET}.`;
}
