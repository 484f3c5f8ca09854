// node knative/make-keys.ts <folder>: makes the keys and proofs of a new place. The private halves and the proofs go into its secret store, the public ones into its
// settings.yaml; then the folder is deleted. Never overwrites: keys that have signed something are not made twice.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { makeProof, makeSigningKey } from './local/keys.ts';

const [folder] = process.argv.slice(2);
if (!folder) {
  process.stderr.write('node knative/make-keys.ts <folder>\n');
  process.exit(64);
}
const [token, receipt] = await Promise.all([makeSigningKey(), makeSigningKey()]);
const files = {
  'token-signing-keys.json': token.signing,
  'token-public-keys.json': token.published,
  'receipt-signing-keys.json': receipt.signing,
  'receipt-public-keys.json': receipt.published,
  'gateway-proof': makeProof(),
  'source-proof': makeProof(),
};
await mkdir(folder, { recursive: true, mode: 0o700 });
for (const [name, content] of Object.entries(files)) {
  // Readable by nobody else; "wx" refuses what is there already.
  await writeFile(join(folder, name), content, { mode: 0o600, flag: 'wx' });
}
process.stdout.write(`${Object.keys(files).join(', ')} are in ${folder}.\n`);
