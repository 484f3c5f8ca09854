// One process that hosts several functions: each request reaches the function of its method and path, each event the
// function that takes its type, or that its path names.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { routerOf } from '../../../../shared/platform/host/route.ts';
import type { Served } from '../../../../shared/platform/host/serve.ts';
import {
  type Address,
  anyone,
  defineFunction,
  type FunctionDeclaration,
} from '../../../../shared/platform/http/function.ts';

process.env['LOG_LEVEL'] = 'silent';
let served: Served;
let url: string;
const taken: string[] = [];

const named = (name: string, route: Address): FunctionDeclaration =>
  defineFunction({
    name,
    summary: name,
    http: {
      route,
      caller: anyone,
      path: v.strictObject({ id: v.optional(v.string()) }),
      answer: v.string(),
      status: 200,
      errors: [],
      handle: async ({ path }) => ({ data: `${name} ${path.id ?? ''}` }),
    },
  });

const taking = (name: string, ...types: string[]): FunctionDeclaration =>
  defineFunction({
    name,
    summary: name,
    event: { types, data: v.looseObject({}), handle: async ({ type }) => void taken.push(`${name} ${type}`) },
  });

beforeAll(async () => {
  const { serve } = await import('../../../../shared/platform/host/serve.ts');
  served = await serve(
    [
      named('get-note', 'GET /v1/notes/{id}'),
      named('replace-note', 'PUT /v1/notes/{id}'),
      named('change-note', 'PATCH /v1/notes/{id}'),
      named('delete-note', 'DELETE /v1/notes/{note}' as Address),
      named('count-notes', 'GET /v1/notes/count'),
      named('list-notes', 'GET /v1/notes'),
      taking('index-note', 'note.written', 'clock'),
      taking('forget-note', 'note.deleted', 'clock'),
    ],
    0,
  );
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(() => served.drain());

describe('a request', () => {
  test.each([
    ['GET', '/v1/notes/7', 'get-note 7'],
    ['PUT', '/v1/notes/7', 'replace-note 7'],
    ['PATCH', '/v1/notes/7', 'change-note 7'],
    ['GET', '/v1/notes/count', 'count-notes '],
    ['GET', '/v1/notes', 'list-notes '],
  ])('%s %s reaches %s', async (method, path, expected) => {
    const answer = await fetch(url + path, { method });
    expect([answer.status, ((await answer.json()) as { data: string }).data]).toEqual([200, expected]);
  });

  test('HEAD is answered as GET is, without the body', async () => {
    const [head, get] = [await fetch(`${url}/v1/notes/7`, { method: 'HEAD' }), await fetch(`${url}/v1/notes/7`)];
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(await get.text())));
  });

  test('another method gets all methods of the path, those of every function', async () => {
    const answer = await fetch(`${url}/v1/notes/7`, { method: 'POST' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, PATCH, DELETE']);
  });

  test('an unknown path is 404', async () => expect((await fetch(`${url}/v1/else`)).status).toBe(404));
});

describe('an event', () => {
  const post = async (path: string, type: string) => {
    taken.length = 0;
    const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/x', 'ce-type': type };
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    });
    return [answer.status, ...taken];
  };

  test.each([
    ['/events', 'note.written', [204, 'index-note note.written']],
    ['/events', 'note.deleted', [204, 'forget-note note.deleted']],
    ['/events/index-note', 'clock', [204, 'index-note clock']],
    ['/events/forget-note', 'clock', [204, 'forget-note clock']],
    ['/events', 'clock', [422]],
    ['/events/index-note', 'note.deleted', [422]],
    ['/events/get-note', 'clock', [404]],
    ['/events/else', 'clock', [404]],
    ['/events/', 'note.written', [404]],
  ])('to %s of type %s: %j', async (path, type, expected) => expect(await post(path, type)).toEqual(expected));
});

test('two functions with one address are refused before they serve', () => {
  expect(() => routerOf([named('one', 'GET /v1/notes/{id}'), named('two', 'GET /v1/notes/{other}')])).toThrow(
    'Two functions declare GET /v1/notes/{other}.',
  );
});
