// The mistakes that `kong config parse` refuses: fields and ranges of entities and plugins, and duplicate names.

import * as v from 'valibot';
import { file } from './entities.ts';
import { type Finding, ours, refused } from './finding.ts';
import { at, isRecord, items, type Place, textAt } from './place.ts';
import { PLUGINS } from './plugins.ts';

export function* refusedByKong(root: Place): Generator<Finding> {
  yield* bySchema(file, { path: root.path, value: migrated(root.value) });
  for (const each of everyPlugin(root)) yield* pluginOf(each);
  yield* taken(root);
}

/** All plugins: global ones, and those of services, routes and consumers. */
export function everyPlugin(root: Place): Place[] {
  return [root, ...everyService(root), ...everyRoute(root), ...everyConsumer(root)].flatMap((each) =>
    items(at(each, 'plugins')),
  );
}

export const everyService = (root: Place): Place[] => items(at(root, 'services'));
export const everyConsumer = (root: Place): Place[] => items(at(root, 'consumers'));
export const everyRoute = (root: Place): Place[] =>
  [root, ...everyService(root)].flatMap((each) => items(at(each, 'routes')));

function* pluginOf(place: Place): Generator<Finding> {
  const name = textAt(place, 'name') ?? '';
  const schema = Object.hasOwn(PLUGINS, name) ? PLUGINS[name] : undefined;
  if (schema === undefined) yield refused(`${place.path}.name`, `Kong 3.9 has no plugin ${name}.`);
  else if (schema === null) yield ours(`${place.path}.config`, `It was not checked: this lint does not know ${name}.`);
  else yield* bySchema(schema, { path: `${place.path}.config`, value: at(place, 'config').value ?? {} });
}

/** Entities of Kong that we do not use, on their own or within a consumer. */
const NOT_KNOWN_HERE =
  /^(consumers\[\d+\]\.)?(upstreams|\w*certificates|snis|vaults|keys|key_sets|consumer_groups|groups|jwt_secrets|acls|\w+_credentials)$/;

function* bySchema(schema: v.GenericSchema, { path, value }: Place): Generator<Finding> {
  for (const issue of v.safeParse(schema, value).issues ?? []) {
    const steps = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
    const place = `${path}${steps.join('')}`.replace(/^\./, '');
    if (issue.expected === 'never' && NOT_KNOWN_HERE.test(place)) {
      yield ours(place, 'It was not checked: Kong may know it, this lint does not.');
    } else yield refused(place, sentenceOf(issue));
  }
}

function sentenceOf({ kind, expected, received, message }: v.BaseIssue<unknown>): string {
  if (expected === 'never') return 'Kong does not know this field.';
  if (kind === 'schema' && received === 'undefined') return 'It is missing.';
  if (kind === 'schema') return `It must be ${expected}, not ${received}.`;
  return message.startsWith('Invalid') ? `Kong refuses it: ${message}.` : `It ${message}.`;
}

/** Before 3.0 regular expressions had no `~`: Kong adds it to every path that is not plain, even to one that has it. */
function migrated(content: unknown): unknown {
  if (!isRecord(content) || content['_format_version'] === '3.0') return content;
  const path = (text: unknown) => (typeof text === 'string' && !/^[\w.~/%-]*$/.test(text) ? `~${text}` : text);
  const route = (each: unknown) =>
    isRecord(each) && Array.isArray(each['paths']) ? { ...each, paths: each['paths'].map(path) } : each;
  const withRoutes = (each: unknown) =>
    isRecord(each) && Array.isArray(each['routes']) ? { ...each, routes: each['routes'].map(route) } : each;
  const services = content['services'];
  const changed = withRoutes(content) as Record<string, unknown>;
  return Array.isArray(services) ? { ...changed, services: services.map(withRoutes) } : changed;
}

/** The values that must be unique. */
function* taken(root: Place): Generator<Finding> {
  const ofConsumers = (list: string) => everyConsumer(root).flatMap((each) => items(at(each, list)));
  yield* twice(everyService(root), 'name');
  yield* twice(everyRoute(root), 'name');
  yield* twice(everyConsumer(root), 'username');
  yield* twice(everyConsumer(root), 'custom_id');
  yield* twice(ofConsumers('jwt_secrets'), 'key');
  yield* twice(ofConsumers('keyauth_credentials'), 'key');
  for (const each of everyConsumer(root)) yield* twice(items(at(each, 'acls')), 'group');
}

function* twice(places: Place[], field: string): Generator<Finding> {
  const seen = new Set<string>();
  for (const each of places) {
    const value = textAt(each, field);
    if (value === undefined) continue;
    if (seen.has(value)) yield refused(`${each.path}.${field}`, `${value} is taken already.`);
    seen.add(value);
  }
}
