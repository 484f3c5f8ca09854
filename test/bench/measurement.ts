// The result of a measurement of reading: figures for README.md, and for plans.md PostgreSQL's plans.

export interface Measurement {
  figures: string;
  plans: string;
}

/** A row of `explain`. */
export interface PlanLine {
  'QUERY PLAN': string;
}

export function planText(title: string, rows: readonly PlanLine[]): string {
  return [`### ${title}`, '', '```', ...rows.map((row) => row['QUERY PLAN']), '```'].join('\n');
}
