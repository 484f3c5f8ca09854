// Durations as Kubernetes manifests have them: Go's ("90s", "1m30s") in annotations, ISO 8601's ("PT0.5S") in deliveries.

const GO_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const ISO = /^PT(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?$/;

/** Throws a sentence that begins with `place`. */
export function milliseconds(text: string, place: string): number {
  const read = isoMilliseconds(text) ?? goMilliseconds(text);
  if (read === undefined) throw new Error(`${place}: ${text} is not a duration.`);
  return read;
}

/** Undefined for a text that is not an ISO 8601 duration. */
export function isoMilliseconds(text: string): number | undefined {
  const iso = ISO.exec(text);
  if (!iso) return undefined;
  return Number(iso[1] ?? 0) * 3_600_000 + Number(iso[2] ?? 0) * 60_000 + Number(iso[3] ?? 0) * 1000;
}

/** Undefined for a text that is not a duration of Go. */
export function goMilliseconds(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    sum += Number(amount) * (GO_UNITS[unit ?? ''] ?? 0);
  return sum;
}
