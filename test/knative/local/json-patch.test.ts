// JSON patches do what RFC 6902 says of `add` and `replace`, and refuse a path that leads nowhere.

import { expect, test } from '@jest/globals';
import { applyOperations } from '../../../knative/local/json-patch.ts';

const OBJECT = { labels: { 'one/two': 'a' }, list: [{ name: 'first' }, { name: 'second' }] };
const apply = (op: 'add' | 'replace', path: string, value: unknown = 'new') =>
  applyOperations(OBJECT, [{ op, path, value: value as NonNullable<unknown> }], 'patch.yaml');

test('a field is added or replaced, a slash in its name is written ~1, and the object itself does not change', () => {
  expect(apply('add', '/labels/three~1four').labels).toEqual({ 'one/two': 'a', 'three/four': 'new' });
  expect(apply('add', '/labels/one~1two').labels).toEqual({ 'one/two': 'new' });
  expect(apply('replace', '/labels/one~1two').labels).toEqual({ 'one/two': 'new' });
  expect(OBJECT.labels).toEqual({ 'one/two': 'a' });
});

test('an element is added to the end of a list, or replaced within', () => {
  expect(apply('add', '/list/-', { name: 'third' }).list.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  expect(apply('replace', '/list/1/name').list).toEqual([{ name: 'first' }, { name: 'new' }]);
});

test.each<['add' | 'replace', string]>([
  ['replace', '/labels/nowhere'],
  ['replace', '/list/2'],
  ['replace', '/list/-'],
  ['add', '/nowhere/field'],
  ['add', '/list/0/name/deeper'],
])('%s %s is refused: there is no such place', (op, path) => {
  expect(() => apply(op, path)).toThrow(`patch.yaml: a patch names ${path}, which is not there.`);
});

test('an element in the middle of a list is refused, because it is not played', () => {
  expect(() => apply('add', '/list/0')).toThrow('patch.yaml: a patch adds to a list at /list/0');
});
