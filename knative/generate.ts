// make generate: writes the files that follow from the code (knative/generate/files.ts lists them). It refuses a change of the API that
// breaks callers, unless a reason is given, which it writes into functions/documentation/breaking-changes.md.
//   node knative/generate.ts             writes
//   node knative/generate.ts --check     writes nothing; names stale files and changes that break callers, and exits with 1 if there are any
// Options: --breaking <reason>; --against <commit> (compares with the API of that commit instead of the last one)

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ROOT } from './functions.ts';
import { compareWith, RECORD } from './generate/compatibility.ts';
import { FILES_OF_BASE, type GeneratedFile, generatedFiles, type StaleFile, staleFiles } from './generate/files.ts';

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
    throw new Error(
      `This change of the API breaks its callers:\n${list(withoutReason)}` +
        'Nothing was written. If it must be: make generate BREAKING=why',
    );
  }
  const staleBase = await staleFiles(FILES_OF_BASE);
  if (options.check) {
    const stale = staleBase.length > 0 ? staleBase : await staleFiles(withoutPostgres(await generatedFiles()));
    if (stale.length === 0) return;
    throw new Error(`These files are stale:\n${list(stale.map(({ file }) => file))}\`make generate\` writes them.`);
  }
  const written = new Set<string>();
  const write = async ({ file, text }: StaleFile) => {
    await writeFile(join(ROOT, file), text);
    written.add(file);
  };
  for (const each of staleBase) await write(each);
  // Manifests are generated in part, and routes and tables are read from them: again, until nothing changes.
  for (
    let stale = await staleFiles([...(await generatedFiles()), { file: RECORD, render: async () => record }]);
    stale.length > 0;
    stale = await staleFiles(withoutPostgres(await generatedFiles()))
  ) {
    for (const each of stale) await write(each);
  }
  process.stdout.write(written.size > 0 ? `Written:\n${list([...written])}` : 'Nothing was stale.\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}

function withoutPostgres(all: readonly GeneratedFile[]): GeneratedFile[] {
  return all.filter(({ needsPostgres }) => !needsPostgres);
}
