// The command of a container: `node serve.mjs wallet/pay` serves that function, `node serve.mjs operators` all
// functions of that folder.

import process from 'node:process';
import { bundleName } from './bundle-name.ts';

const args = process.argv.slice(2);
const bundle = `./${bundleName(args)}`;
try {
  await import(bundle);
} catch (error) {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
  if (!isMissing || !String((error as Error).message).includes(bundle.slice(1))) throw error;
  process.stderr.write(
    `Error: no bundle holds ${args.join(', ') || 'nothing'}. Each function has one (wallet/pay), each folder, and each list that a ` +
      'manifest in knative/ names: build again after a new list.\n',
  );
  process.exit(64);
}
