// The function from its sources, so that a profile names their files; everything else runs the bundles.

import declaration from '../../functions/wallet/pay.ts';
import { run } from '../../shared/platform/host/serve.ts';

await run([declaration]);
