// A report as CSV (RFC 4180): one table of section, name, measure and value, with one line for each figure.

import type { Report } from './report-schema.ts';

/** Nested objects become names with dots. In a list of objects the first member names the line. */
export function reportCsv(report: Report): string {
  const lines = [['section', 'name', 'measure', 'value']];
  for (const [section, content] of Object.entries(report)) {
    if (!Array.isArray(content)) lines.push(...flat(content).map(([measure, value]) => [section, '', measure, value]));
    else {
      for (const row of content as Record<string, unknown>[]) {
        const [[, name] = ['', ''], ...rest] = Object.entries(row);
        for (const [member, value] of rest) {
          lines.push(...flat(value).map(([measure, text]) => [section, String(name ?? ''), member + measure, text]));
        }
      }
    }
  }
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
}

function flat(value: unknown): [measure: string, value: string][] {
  if (value === null || typeof value !== 'object') return [['', String(value ?? '')]];
  return Object.entries(value).flatMap(([name, inner]) =>
    flat(inner).map(([rest, text]): [string, string] => [`.${name}${rest}`, text]),
  );
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
