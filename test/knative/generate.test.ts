// Generated files are fresh, and a change of the API that breaks its callers is named.

import { execFile } from 'node:child_process';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { ROOT } from '../../knative/functions.ts';
import { type Api, breakingChanges } from '../../knative/generate/breaking-changes.ts';
import { fieldsOf, fieldsTable, readFields } from '../../knative/generate/fields.ts';
import { GRANTS, generatedFiles, presentText, staleFiles } from '../../knative/generate/files.ts';
import { grantsTable } from '../../knative/generate/grants.ts';
import { operationsOf, operationsTable, readOperations } from '../../knative/generate/operations.ts';
import { readRecord, recordChanges, recordTable } from '../../knative/generate/record.ts';
import { describeApi } from '../../shared/documentation/document.ts';
import { anyone, defineFunction, type FunctionDeclaration } from '../../shared/platform/http/function.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { user } from '../../shared/sessions/caller.ts';
import { operator } from '../../shared/sessions/operator.ts';
import { connectTestDatabase } from '../setup/database.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';

test('generated files are fresh: when this fails, run `make generate` and commit', async () => {
  const stale = await staleFiles((await generatedFiles()).filter(({ needsPostgres }) => !needsPostgres));
  expect(stale.map(({ file }) => file)).toEqual([]);
});

describe('the table of grants', () => {
  let database: Awaited<ReturnType<typeof connectTestDatabase>>;
  beforeAll(async () => {
    database = await connectTestDatabase();
  });
  afterAll(() => database.drop());

  test('is that of the migrations: when this fails, run `make generate` and commit', async () => {
    expect(await grantsTable(database.adminUrl)).toBe(await presentText(GRANTS));
  });

  test.each([
    ['grant delete on accounts to one_gate_reader', '| one_gate_reader | table | accounts | delete |  |'],
    ['grant update (username) on users to one_gate_money', '| one_gate_money | table | users | update | username |'],
    [
      'create function everything() returns int language sql security definer return 1',
      '| public | function, as its owner | everything() | execute |  |',
    ],
    [
      'create policy own on accounts for select to one_gate_reader using (true)',
      '| one_gate_reader | row policy | accounts: own | select |  |',
    ],
    [
      'create view balances as select 1; grant select on balances to public',
      '| public | view | balances | select |  |',
    ],
    [
      'create sequence numbers; grant usage on sequence numbers to one_gate_money with grant option',
      '| one_gate_money | sequence | numbers | usage, and may grant it |  |',
    ],
  ])('shows %s', async (statement, line) => {
    expect(await grantsTable(database.adminUrl)).not.toContain(line);
    await database.admin.query(statement);
    expect(await grantsTable(database.adminUrl)).toContain(`\n${line}\n`);
  });
});

const note = v.object({ id: v.string(), text: v.nullable(v.string()) });

type Http = NonNullable<FunctionDeclaration['http']>;
const body = {
  text: v.string(),
  kind: v.optional(v.picklist(['long', 'short'])),
  place: v.optional(v.object({ city: v.optional(v.string()) })),
};
const post: Http = {
  route: 'POST /v1/notes',
  caller: user,
  body: v.strictObject(body),
  answer: v.object({ note: v.pipe(note, v.title('Note')) }),
  status: 201,
  alsoStatus: { 202: 'It is being written.' },
  errors: [],
  handle: async () => ({ data: {} }),
};
const get: Http = { ...post, route: 'GET /v1/notes', body: undefined, status: 200, alsoStatus: {} };

/** The API of two functions, read back from its tables. */
function api(...all: Http[]): Api {
  const functions = all.map((http, index) => ({
    domain: 'wallet',
    declaration: defineFunction({ name: `function-${index}`, summary: 'A function', http }) as FunctionDeclaration,
  }));
  const document = describeApi(functions, '1');
  return {
    operations: readOperations(operationsTable(operationsOf(document, functions))),
    fields: readFields(fieldsTable(fieldsOf(document))),
  };
}

const bodyWith = (entries: v.ObjectEntries) => v.strictObject({ ...body, ...entries });
const answerWith = (entries: v.ObjectEntries, title = 'Note') =>
  v.object({ note: v.pipe(v.object({ ...note.entries, ...entries }), v.title(title)) });
const bothAnswer = (answer: v.GenericSchema): Http[] => [
  { ...post, answer },
  { ...get, answer },
];

describe('a change breaks callers when', () => {
  const cases: [name: string, after: Http[], named: string[]][] = [
    ['an operation is gone', [get], ['POST /v1/notes is gone']],
    ['its path is another', [{ ...post, route: 'POST /v2/notes' }, get], ['POST /v1/notes is gone']],
    [
      'it lets in fewer',
      [
        { ...post, caller: operator },
        { ...get, caller: regulatorWith('READ_REPORTS') },
      ],
      [
        'GET /v1/notes is for regulator with READ_REPORTS, no longer for user',
        'POST /v1/notes is for operator, no longer for user',
      ],
    ],
    ['a status of success is gone', [{ ...post, alsoStatus: {} }, get], ['POST /v1/notes no longer answers 202']],
    [
      'a request needs a field that is new',
      [{ ...post, body: bodyWith({ colour: v.string() }) }, get],
      ['POST /v1/notes body colour: new, and the request must have it'],
    ],
    [
      'a request needs a header that is new',
      [{ ...post, idempotencyKey: true }, get],
      ['POST /v1/notes header Idempotency-Key: new, and the request must have it'],
    ],
    [
      'a request needs a field that was optional',
      [{ ...post, body: bodyWith({ kind: v.picklist(['long', 'short']) }) }, get],
      ['POST /v1/notes body kind: the request must have it now'],
    ],
    [
      'a request may no longer have a field',
      [{ ...post, body: v.strictObject({ kind: body.kind, place: body.place }) }, get],
      ['POST /v1/notes body text: gone from the request'],
    ],
    [
      'a field of a request takes fewer values',
      [
        { ...post, body: bodyWith({ kind: v.optional(v.picklist(['long'])), text: v.pipe(v.number(), v.integer()) }) },
        get,
      ],
      [
        'POST /v1/notes body kind: the request can no longer have "short"',
        'POST /v1/notes body text: the request can no longer have string',
      ],
    ],
    [
      'an answer has lost a field, which is named once however many operations answer with it',
      bothAnswer(v.object({ note: v.pipe(v.object({ id: v.string() }), v.title('Note')) })),
      ['Note.text: gone from the answer'],
    ],
    [
      'an answer may be without a field, or have another kind of value',
      bothAnswer(answerWith({ id: v.optional(v.string()), text: v.number() })),
      ['Note.id: the answer may be without it now', 'Note.text: the answer may have number now'],
    ],
  ];
  test.each(cases)('%s', (_name, after, named) => {
    expect(breakingChanges(api(post, get), api(...after)).sort()).toEqual(named);
    expect(breakingChanges(api(...after), api(...after))).toEqual([]);
  });
});

describe('a change breaks no caller when', () => {
  const cases: [name: string, after: Http[]][] = [
    ['an operation is new', [post, get, { ...post, route: 'POST /v1/remarks', body: bodyWith({ more: v.string() }) }]],
    ['it lets in more', [{ ...post, caller: anyone }, get]],
    [
      'a request may have more',
      [
        {
          ...post,
          body: bodyWith({
            text: v.nullable(v.string()),
            kind: v.optional(v.picklist(['long', 'short', 'tiny'])),
            // A required field below an optional one is required only of callers who send that.
            from: v.optional(v.object({ name: v.string() })),
          }),
        },
        get,
      ],
    ],
    ['an answer has more, or is less often null', bothAnswer(answerWith({ colour: v.string(), text: v.string() }))],
    ['a schema has another name', bothAnswer(answerWith({}, 'Remark'))],
    ['a refusal is new', [{ ...post, errors: ['insufficient_funds'] }, get]],
  ];
  test.each(cases)('%s', (_name, after) => {
    expect(breakingChanges(api(post, get), api(...after))).toEqual([]);
  });

  test('a regulator needs one of more permissions', () => {
    const before = api({ ...get, caller: regulatorWith('READ_REPORTS') });
    const after = api({ ...get, caller: regulatorWith('READ_TRANSACTIONS', 'READ_REPORTS') });
    expect(breakingChanges(before, after)).toEqual([]);
    expect(breakingChanges(after, before)).toHaveLength(1);
  });
});

describe('the record of breaking changes', () => {
  const old = { day: '2026-01-02', change: 'GET /v1/a is gone', reason: 'no caller used it' };

  test('asks for a reason, and keeps it', () => {
    const asked = recordChanges(['GET /v1/b is gone'], [old], [old], '', '2026-11-28');
    expect(asked).toEqual({ record: [old], withoutReason: ['GET /v1/b is gone'] });
    const given = recordChanges(['GET /v1/b is gone'], [old], [old], 'moved to /v2', '2026-11-28');
    expect(given.withoutReason).toEqual([]);
    expect(readRecord(recordTable(given.record))).toEqual(given.record);
    const again = recordChanges(['GET /v1/b is gone'], [old], given.record, '', '2026-11-29');
    expect(again).toEqual(given);
  });

  test('drops a change that was undone before its commit, and needs a new line for a new change', () => {
    const { record } = recordChanges(['GET /v1/b is gone'], [old], [old], 'a try', '2026-11-28');
    expect(recordChanges([], [old], record, '', '2026-11-29').record).toEqual([old]);
    expect(recordChanges([old.change], [old], [old], '', '2026-11-29').withoutReason).toEqual([old.change]);
  });
});

describe('the program', () => {
  let directory: TemporaryDirectory;
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['knative/generate.ts', ...args], { cwd: directory.path }).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, said: stdout + stderr }),
    );
  const git = (...args: string[]) =>
    promisify(execFile)('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      cwd: directory.path,
    });

  beforeAll(async () => {
    directory = await temporaryDirectory();
    for (const name of ['functions', 'shared', 'knative', 'kong', 'migrations', 'package.json']) {
      await cp(join(ROOT, name), join(directory.path, name), { recursive: true });
    }
    await symlink(join(ROOT, 'node_modules'), join(directory.path, 'node_modules'));
  });
  afterAll(() => directory.remove());

  test('compares with the last commit, or another one, and refuses', async () => {
    const table = join(directory.path, 'functions/documentation/operations.md');
    const pay = join(directory.path, 'functions/wallet/pay.ts');
    const [before, source] = [await readFile(table, 'utf8'), await readFile(pay, 'utf8')];

    // Without a repository only the files themselves are checked.
    expect(await run('--check')).toEqual({ code: 0, said: '' });
    await writeFile(table, before.replace('| pay |', '| paid |'));
    const stale = await run('--check');
    expect(stale.code).toBe(1);
    expect(stale.said).toContain('functions/documentation/operations.md');

    await writeFile(table, before);
    await git('init', '--quiet');
    await git('add', 'functions');
    await git('commit', '--quiet', '--message', 'before');
    expect(await run('--check')).toEqual({ code: 0, said: '' });

    await writeFile(pay, source.replaceAll('POST /v1/pay', 'POST /v2/pay'));
    const refused = await run();
    expect(refused.code).toBe(1);
    expect(refused.said).toContain('POST /v1/pay is gone');
    expect(await readFile(table, 'utf8')).toBe(before);

    // After the commit of the change, the comparison is with the commit before.
    await writeFile(table, before.replace('/v1/pay |', '/v2/pay |'));
    await git('commit', '--quiet', '--all', '--message', 'after');
    expect((await run('--check', '--against', 'HEAD~1')).said).toContain('POST /v1/pay is gone');
    expect((await run('--check', '--against', 'nothing')).said).toContain('nothing is no commit');
  }, 120_000);
});
