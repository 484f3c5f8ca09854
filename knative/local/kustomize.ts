// Renders a folder of manifests as `kustomize build` does, as far as our own use it: resources, components, strategic-merge and JSON
// patches, labels, images, a namespace. A laptop has no kustomize; where there is one, a test compares the two. A field that is not played stops
// it with file and field, so that nothing is passed over in silence.

import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import { applyOperations, operations } from './json-patch.ts';

type Value = null | string | number | boolean | Value[] | { [field: string]: Value };
export type KubernetesObject = { [field: string]: Value } & {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; namespace?: string };
};

export interface Rendered {
  object: KubernetesObject;
  /** Where it was first written, for messages. */
  file: string;
}

const target = v.strictObject({
  group: v.optional(v.string()),
  kind: v.optional(v.string()),
  name: v.optional(v.string()),
  labelSelector: v.optional(v.string()),
});
const paths = v.optional(v.array(v.string()), []);
const kustomization = v.strictObject({
  apiVersion: v.string(),
  kind: v.picklist(['Kustomization', 'Component']),
  namespace: v.optional(v.string()),
  resources: paths,
  components: paths,
  patches: v.optional(
    v.array(
      v.union([
        v.strictObject({ path: v.string(), target: v.optional(target) }),
        v.strictObject({ patch: v.string(), target }),
      ]),
    ),
    [],
  ),
  labels: v.optional(
    v.array(
      v.strictObject({
        pairs: v.record(v.string(), v.string()),
        includeSelectors: v.optional(v.literal(false)),
      }),
    ),
    [],
  ),
  images: v.optional(
    v.array(
      v.strictObject({
        name: v.string(),
        newName: v.optional(v.string()),
        newTag: v.optional(v.string()),
        digest: v.optional(v.string()),
      }),
    ),
    [],
  ),
  // Merge keys: `mergeList` knows the same ones.
  openapi: v.optional(v.strictObject({ path: v.string() })),
});
type Kustomization = v.InferOutput<typeof kustomization>;

/** The objects of a folder with a kustomization.yaml. Throws a sentence with file and field for what cannot be rendered. */
export async function renderKustomization(folder: string): Promise<Rendered[]> {
  return build(folder, [], folder);
}

async function build(folder: string, inherited: Rendered[], root: string): Promise<Rendered[]> {
  const written = await readKustomization(folder, root);
  let rendered = inherited;
  for (const path of written.resources) rendered = [...rendered, ...(await resource(join(folder, path), root))];
  for (const path of written.components) rendered = await build(join(folder, path), rendered, root);
  refuseTwins(rendered);
  for (const patch of written.patches) {
    const path = join(folder, 'path' in patch ? patch.path : 'kustomization.yaml');
    const documents = 'path' in patch ? await documentsOf(path) : parsedDocuments(patch.patch, path);
    rendered = applyPatch(rendered, documents, patch.target, path, root);
  }
  return rendered.map(({ object, file }) => ({ object: finish(object, written), file }));
}

async function readKustomization(folder: string, root: string): Promise<Kustomization> {
  const path = join(folder, 'kustomization.yaml');
  const [document] = await documentsOf(path);
  const result = v.safeParse(kustomization, document);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${relative(root, path)}: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}.`);
}

async function resource(path: string, root: string): Promise<Rendered[]> {
  if ((await stat(path)).isDirectory()) return build(path, [], root);
  const documents = await documentsOf(path);
  return documents.map((document) => ({ object: objectOf(document, path), file: relative(root, path) }));
}

async function documentsOf(path: string): Promise<unknown[]> {
  return parsedDocuments(await readFile(path, 'utf8'), path);
}

function parsedDocuments(text: string, path: string): unknown[] {
  return parseAllDocuments(text).map((parsed) => {
    if (parsed.errors[0]) throw new Error(`${path}: ${parsed.errors[0].message}`);
    return parsed.toJS();
  });
}

function objectOf(document: unknown, path: string): KubernetesObject {
  const object = document as Partial<KubernetesObject> | null;
  if (!object?.apiVersion || !object.kind || !object.metadata?.name) {
    throw new Error(`${path}: an object needs apiVersion, kind and metadata.name.`);
  }
  return object as KubernetesObject;
}

function refuseTwins(rendered: readonly Rendered[]): void {
  const seen = new Map<string, string>();
  for (const { object, file } of rendered) {
    const name = `${groupOf(object)} ${object.kind} ${object.metadata.name}`;
    const earlier = seen.get(name);
    if (earlier !== undefined)
      throw new Error(`${file}: ${object.kind} ${object.metadata.name} is in ${earlier}, too.`);
    seen.set(name, file);
  }
}

type Target = v.InferOutput<typeof target>;

/** A list of operations is a JSON patch; an object is merged. Without a target a patch is for the object that it names. */
function applyPatch(
  rendered: readonly Rendered[],
  documents: readonly unknown[],
  chosen: Target | undefined,
  path: string,
  root: string,
): Rendered[] {
  let result = [...rendered];
  for (const document of documents) {
    const change = changeOf(document, path);
    const { group, kind, name, labelSelector }: Target = chosen ?? change.target;
    const isMeant = ({ object }: Rendered) =>
      (group === undefined || group === groupOf(object)) &&
      isLike(kind, object.kind) &&
      isLike(name, object.metadata.name) &&
      (labelSelector === undefined || selects(labelSelector, object.metadata.labels ?? {}, path));
    if (!result.some(isMeant)) throw new Error(`${relative(root, path)}: nothing is there that this patch is for.`);
    result = result.map((each) => (isMeant(each) ? { ...each, object: change.apply(each.object) } : each));
  }
  return result;
}

interface Change {
  target: Target;
  apply(object: KubernetesObject): KubernetesObject;
}

function changeOf(document: unknown, path: string): Change {
  if (Array.isArray(document)) {
    const parsed = v.safeParse(operations, document);
    if (!parsed.success) throw new Error(`${path}: ${v.getDotPath(parsed.issues[0])}: ${parsed.issues[0].message}.`);
    return { target: {}, apply: (object) => applyOperations(object, parsed.output, path) };
  }
  const patch = objectOf(document, path);
  return {
    target: { group: groupOf(patch), kind: patch.kind, name: patch.metadata.name },
    apply: (object) => ({ ...merge(object, patch), ...identityOf(object, patch) }),
  };
}

/** Kinds and names of a target are regular expressions, of the whole word. */
function isLike(pattern: string | undefined, word: string): boolean {
  return pattern === undefined || new RegExp(`^(?:${pattern})$`).test(word);
}

// Kind and name in a patch with a target are only for readers.
function identityOf(
  object: KubernetesObject,
  patch: KubernetesObject,
): Pick<KubernetesObject, 'apiVersion' | 'kind' | 'metadata'> {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      ...(merge(object.metadata, patch.metadata) as KubernetesObject['metadata']),
      name: object.metadata.name,
    },
  };
}

function groupOf({ apiVersion }: KubernetesObject): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] as string) : '';
}

/** "key", "key=value" or "key in (one, other)", several with commas between them. */
function selects(selector: string, labels: Readonly<Record<string, string>>, path: string): boolean {
  const terms = selector.match(/[^,()]+(\([^)]*\))?/g) ?? [];
  return terms.every((term) => {
    const parsed = /^\s*(?<key>[\w./-]+)\s*(?:=(?<value>[\w.-]+)|in\s*\((?<values>[\w.,\s-]+)\))?\s*$/.exec(
      term,
    )?.groups;
    if (!parsed) throw new Error(`${path}: the label selector "${selector}" is not played.`);
    if (parsed['value'] === undefined && parsed['values'] === undefined) return (parsed['key'] as string) in labels;
    const values = parsed['value'] === undefined ? (parsed['values'] ?? '').split(',') : [parsed['value']];
    return values.some((value) => labels[parsed['key'] as string] === value.trim());
  });
}

function merge<Of extends Value>(given: Of, patch: Value): Of {
  if (!isMap(given) || !isMap(patch)) return patch as Of;
  const merged: { [field: string]: Value } = { ...given };
  for (const [field, value] of Object.entries(patch)) {
    const before = merged[field];
    if (value === null) delete merged[field];
    else if (before === undefined) merged[field] = value;
    else if (Array.isArray(before) && Array.isArray(value)) merged[field] = mergeList(field, before, value);
    else merged[field] = merge(before, value);
  }
  return merged as Of;
}

// As knative/function/merge-keys.json tells kustomize; any other list is replaced.
function mergeList(field: string, given: Value[], patch: Value[]): Value[] {
  if (field !== 'containers' && field !== 'env') return patch;
  const nameOf = (value: Value) => (isMap(value) ? value['name'] : undefined);
  const changed = given.map((each) => {
    const change = patch.find((other) => nameOf(other) === nameOf(each));
    return change === undefined ? each : merge(each, change);
  });
  return [...changed, ...patch.filter((each) => !given.some((other) => nameOf(other) === nameOf(each)))];
}

function isMap(value: Value | undefined): value is { [field: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function finish(object: KubernetesObject, { namespace, labels, images }: Kustomization): KubernetesObject {
  const place = object.kind === 'Namespace' ? { name: namespace } : { namespace };
  const metadata = { ...object.metadata, ...(namespace !== undefined && place) } as KubernetesObject['metadata'];
  for (const { pairs } of labels) metadata.labels = { ...metadata.labels, ...pairs };
  return withImages({ ...object, metadata } as KubernetesObject, images) as KubernetesObject;
}

function withImages(value: Value, images: Kustomization['images']): Value {
  if (images.length === 0) return value;
  if (Array.isArray(value)) return value.map((each) => withImages(each, images));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, each]) => [
      field,
      field === 'image' && typeof each === 'string' ? imageOf(each, images) : withImages(each, images),
    ]),
  );
}

function imageOf(image: string, images: Kustomization['images']): string {
  const change = images.find(({ name }) => name === image.replace(/(:[\w.-]+)?(@sha256:[0-9a-f]+)?$/, ''));
  if (!change) return image;
  const { newName = change.name, newTag, digest } = change;
  return newName + (digest ? `@${digest}` : newTag ? `:${newTag}` : '');
}
