// A short form of `make faults` (README.md): 600 operations, every kind of fault at least once, one seed.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

/** Longer than the run's own limit, at which it says what it was waiting for. */
const LIMIT_MS = 11 * 60_000;

test(
  'while everything breaks, no acknowledged operation is lost, and none exists that no client asked for',
  async () => {
    const withoutKafka = process.env['TEST_WITHOUT_KAFKA'] === '1' ? ['--without-kafka'] : [];
    const ran = await promisify(execFile)(
      process.execPath,
      ['--disable-warning=TimeoutNegativeWarning', join(import.meta.dirname, 'run.ts'), '--short', ...withoutKafka],
      { maxBuffer: 2 ** 24, timeout: LIMIT_MS },
    ).catch((error: { stdout?: string; stderr?: string; message: string }) => {
      throw new Error(`${error.stdout ?? ''}\n${error.stderr ?? error.message}`);
    });
    expect(ran.stdout).toMatch(/: 600 operations in .* 0 findings$/m);
  },
  LIMIT_MS,
);
