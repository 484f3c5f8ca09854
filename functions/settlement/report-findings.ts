// Every minute: tells by metrics which findings are open and how old the proof of the books is, so that an operator need not look for them.

import { countOpenFindings, FINDING_KINDS, isAboutMoney } from '../../shared/findings.ts';
import { ageOfTrialBalance } from '../../shared/ledger/proof/trial-balance.ts';
import { query } from '../../shared/platform/database/database.ts';
import { EVERY_MINUTE, SCHEDULE_TYPE, scheduleSchema } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';

export default defineFunction({
  name: 'report-findings',
  summary: 'Tell operators which findings are open',
  uses: { database: 'auditor' },
  event: {
    source: EVERY_MINUTE,
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
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
  // It grows while the books cannot be proven.
  setGauge('one_gate.trial_balance.age_seconds', await ageOfTrialBalance(query));
  const findings = Object.fromEntries(Object.entries(open).filter(([, count]) => count > 0));
  if (Object.keys(findings).length > 0) log.warn({ findings }, 'open findings');
}
