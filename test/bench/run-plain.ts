// The function from its sources, so that a profile names their files; everything else runs the bundles.

import { run } from '../../shared/platform/host/serve.ts';
import declaration from './plain-pay.ts';

await run([declaration]);
