// `node knative/lint/lint.ts [file, folder or - ...]`: checks manifests as far as that goes without a cluster, and says
// how far that is. Without arguments it checks every overlay. Exits with 1 when anything is wrong, with 64 when it could
// not read the manifests. A folder with a kustomization.yaml is rendered first. Standard input (-) counts as rendered: its
// images must have tags or digests.

import { relative } from 'node:path';
import process from 'node:process';
import { type Finding, refused } from '../../kong/lint/finding.ts';
import { isRecord, textAt } from '../../kong/lint/place.ts';
import type { KubernetesObject } from '../local/kustomize.ts';
import { folderOf, OVERLAYS } from '../overlays.ts';
import { type ObjectOfFile, readObjects } from './documents.ts';
import { isLinted, kindOf, lintObject } from './lint-object.ts';
import { missingReferences } from './references.ts';
import { findSchemas, type Schemas } from './schemas.ts';

export interface Checked {
  /** "file: Service/pay spec.x: sentence", in the order of files. */
  lines: string[];
  findings: Finding[];
  /** One sentence names the kinds that were checked, one the kinds that were not. */
  summary: string[];
}

export async function checkObjects(objects: readonly ObjectOfFile[], schemas: Schemas): Promise<Checked> {
  const lines: string[] = [];
  const findings: Finding[] = [];
  const counts = new Map<string, number>();
  const withoutSchema = new Set<string>();
  for (const { file, object, rendered, broken } of objects) {
    const kind = kindOf(object) ?? 'no kind';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const bySchema = broken === undefined ? await schemas.check(object, kind) : undefined;
    if (!bySchema) withoutSchema.add(kind);
    const found =
      broken === undefined
        ? [...lintObject(object, { rendered }), ...(bySchema ?? [])]
        : [refused('', `It is not YAML: ${broken}.`)];
    findings.push(...found);
    for (const { path, sentence } of found) {
      const place = [nameOf(object), path].filter((part) => part !== '').join(' ');
      lines.push([file, place, sentence].filter((part) => part !== '').join(': '));
    }
  }
  return { lines, findings, summary: summaryOf(counts, withoutSchema, findings, schemas) };
}

function nameOf(object: unknown): string {
  const place = { path: '', value: object };
  return isRecord(object) ? `${textAt(place, 'kind') ?? '?'}/${textAt(place, 'metadata', 'name') ?? '?'}` : '';
}

function summaryOf(
  counts: ReadonlyMap<string, number>,
  withoutSchema: ReadonlySet<string>,
  findings: readonly Finding[],
  schemas: Schemas,
): string[] {
  const kinds = [...counts.keys()].sort();
  const list = (some: string[]) => some.map((kind) => `${kind} (${counts.get(kind)})`).join(', ');
  const say = (sentence: string, some: string[]) => (some.length > 0 ? [`${sentence}: ${list(some)}.`] : []);
  const refusals = findings.filter(({ kind }) => kind === 'refused').length;
  return [
    schemas.source,
    ...say(
      'Checked against their schemas',
      kinds.filter((kind) => !withoutSchema.has(kind)),
    ),
    ...say('Checked by our own lint', kinds.filter(isLinted)),
    ...say(
      'Without a schema, so that fields were NOT checked',
      kinds.filter((kind) => withoutSchema.has(kind) && isLinted(kind)),
    ),
    ...say(
      'NOT checked at all',
      kinds.filter((kind) => withoutSchema.has(kind) && !isLinted(kind)),
    ),
    ...[...schemas.notEvaluated].map((rule) => `A rule in CEL was NOT evaluated: ${rule}.`),
    `${[...counts.values()].reduce((sum, count) => sum + count, 0)} objects: a cluster would refuse ${refusals} things, our policy ${findings.length - refusals}.`,
  ];
}

/**
 * References to missing objects. Only a whole place, which brings its namespace, is checked: a single manifest refers
 * to other files.
 */
export function missingIn(objects: readonly ObjectOfFile[]): string[] {
  const rendered = objects.flatMap(({ object, rendered }) => (rendered ? [object as KubernetesObject] : []));
  return rendered.some(({ kind }) => kind === 'Namespace') ? missingReferences(rendered) : [];
}

if (process.argv[1] === import.meta.filename) {
  const paths = process.argv.slice(2);
  try {
    const chosen =
      paths.length > 0 ? paths : OVERLAYS.map((overlay) => relative(process.cwd(), folderOf(overlay)) || '.');
    const places = await Promise.all(chosen.map(async (path) => ({ path, objects: await readObjects([path]) })));
    const objects = places.flatMap((place) => place.objects);
    const missing = places.flatMap(({ path, objects }) => missingIn(objects).map((sentence) => `${path}: ${sentence}`));
    const { lines, findings, summary } = await checkObjects(objects, await findSchemas(process.env['CRD_SCHEMAS']));
    for (const line of [...lines, ...missing, ...summary]) process.stdout.write(`${line}\n`);
    process.exitCode = findings.length + missing.length > 0 || objects.length === 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 64;
  }
}
