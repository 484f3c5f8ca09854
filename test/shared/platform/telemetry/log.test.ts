// Lines of the log, as a process writes them to the pipe that it was given.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@jest/globals';

const LOG = join(import.meta.dirname, '../../../../shared/platform/telemetry/log.ts');

function linesOf(program: string, level?: string) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', `import { log } from '${LOG}'; ${program}`],
    { encoding: 'utf8', env: { ...(level && { LOG_LEVEL: level }) } },
  );
  return {
    lines: stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
    stderr,
    status,
  };
}

test('a line is one JSON object: the level, the time, the fields, the sentence', () => {
  const { lines } = linesOf(`log.warn({ events: 2, amount: 10n, none: undefined }, 'two\\nlines'); log.info('ready')`);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(lines).toEqual([
    { level: 'warn', time, events: 2, amount: '10', msg: 'two\nlines' },
    { level: 'info', time, msg: 'ready' },
  ]);
});

test('of an error it has name, message, code and stack, and no other field of a driver', () => {
  const { lines } = linesOf(`
    const error = Object.assign(new RangeError('broken'), { code: '23505', query: 'SECRET', cause: new Error('SECRET') });
    log.error({ error });
    log.error({ error: 'thrown text' });
    log.error({ error: undefined }, 'none');`);
  expect(lines[0].error).toEqual({
    name: 'RangeError',
    message: 'broken',
    code: '23505',
    stack: expect.stringContaining('RangeError: broken\n'),
  });
  expect(lines[1].error).toEqual({ message: 'thrown text' });
  expect(lines[2]).not.toHaveProperty('error');
  expect(JSON.stringify(lines)).not.toContain('SECRET');
});

test('lines below LOG_LEVEL are not written', () => {
  const program = `log.info('1'); log.warn('2'); log.error('3'); log.fatal('4')`;
  const written = (level?: string) => linesOf(program, level).lines.map(({ msg }) => msg);
  expect([written(), written('error'), written('silent')]).toEqual([['1', '2', '3', '4'], ['3', '4'], []]);
});

test('an unknown level stops the process', () => {
  const { status, stderr } = linesOf('', 'loud');
  expect([status, stderr]).toEqual([1, expect.stringContaining('LOG_LEVEL must be one of')]);
});

test('the last line of a process that exits at once is written, however long it is', () => {
  const { lines } = linesOf(`log.fatal('x'.repeat(1_000_000)); process.exit(1)`);
  expect(lines[0].msg).toHaveLength(1_000_000);
});
