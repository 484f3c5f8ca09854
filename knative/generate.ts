// make generate: writes the files that follow from the code (knative/generate/files.ts lists them). It refuses a change of the API that
// breaks callers, unless a reason is given, which it writes into functions/documentation/breaking-changes.md.
//   node knative/generate.ts             writes
//   node knative/generate.ts --check     writes nothing; names what is stale and what breaks callers, and exits with 1 if anything does
// Options: --breaking <reason>; --against <commit> (compares with the API of that commit instead of the last one)

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ROOT } from './functions.ts';
import { compareWith, RECORD } from './generate/compatibility.ts';
import { type GeneratedFile, generatedFiles, staleFiles } from './generate/files.ts';

const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    breaking: { type: 'string', default: '' },
    against: { type: 'string', default: 'HEAD' },
  },
});
const reason = options.breaking.replaceAll(/[\s|]+/g, ' ').trim();
const today = new Date().toISOString().slice(0, 10);

await generate().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});

async function generate(): Promise<void> {
  const { withoutReason, record } = await compareWith(options.against, reason, today);
  if (withoutReason.length > 0) {
    process.stderr.write(
      `This change of the API breaks its callers:\n${list(withoutReason)}` +
        'Nothing was written. If it must be: make generate BREAKING=why\n',
    );
    process.exit(1);
  }
  const files: GeneratedFile[] = [
    ...(await generatedFiles()),
    ...(options.check ? [] : [{ file: RECORD, render: async () => record }]),
  ];
  const written: string[] = [];
  const last = files.filter(({ readsManifests }) => readsManifests).map((file) => [file]);
  for (const stage of [files.filter(({ readsManifests }) => !readsManifests), ...last]) {
    const stale = await staleFiles(options.check ? stage.filter(({ needsPostgres }) => !needsPostgres) : stage);
    if (options.check && stale.length > 0) {
      process.stderr.write(
        `These files are stale:\n${list(stale.map(({ file }) => file))}\`make generate\` writes them.\n`,
      );
      process.exit(1);
    }
    for (const { file, text } of stale) await writeFile(join(ROOT, file), text);
    written.push(...stale.map(({ file }) => file));
  }
  if (!options.check) process.stdout.write(written.length > 0 ? `Written:\n${list(written)}` : 'Nothing was stale.\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}
