// Every minute: publishes the number of open findings and the age of the proof of the books as metrics, so that
// operators are alerted.

import { countOpenFindings, FINDING_KINDS, isAboutMoney } from '../../shared/findings.ts';
import { ageOfTrialBalance } from '../../shared/ledger/proof/trial-balance.ts';
import { query } from '../../shared/platform/database/database.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';

export default defineFunction({
  name: 'report-findings',
  summary: 'Report open findings as metrics',
  uses: { database: 'auditor' },
  event: {
    ...everyMinute,
    handle: async () => {
      await reportFindings();
      await pushMetrics();
    },
  },
});

async function reportFindings(): Promise<void> {
  const open = await countOpenFindings(query);
  for (const kind of FINDING_KINDS) setGauge('one_gate.findings.open', open[kind], { kind });
  const broken = FINDING_KINDS.filter(isAboutMoney).reduce((sum, kind) => sum + open[kind], 0);
  setGauge('one_gate.trial_balance.violations', broken);
  // The age grows while the books cannot be proven.
  setGauge('one_gate.trial_balance.age_seconds', await ageOfTrialBalance(query));
  const findings = Object.fromEntries(Object.entries(open).filter(([, count]) => count > 0));
  if (Object.keys(findings).length > 0) log.warn({ findings }, 'open findings');
}
