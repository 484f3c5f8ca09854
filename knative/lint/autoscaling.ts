// Annotations of the autoscaler. The webhook checks the keys that it knows and ignores the others: a misspelt min-scale
// has no effect at all.

import { type Finding, ours, refused } from '../../kong/lint/finding.ts';
import { at, fields, type Place } from '../../kong/lint/place.ts';
import { goMilliseconds } from '../local/duration.ts';

const DOMAIN = 'autoscaling.knative.dev';
const KPA = `kpa.${DOMAIN}`;
const HPA = `hpa.${DOMAIN}`;
const INT32_MAX = 2_147_483_647;
const HOUR_MS = 3_600_000;

/** The sentence about a wrong value; undefined when it is right. */
type Check = (value: string) => string | undefined;

const integer = (least: number): Check => {
  return (text) => {
    if (!/^[+-]?\d+$/.test(text)) return `${text} is not a whole number`;
    return Number(text) >= least && Number(text) <= INT32_MAX
      ? undefined
      : `${text} is not between ${least} and ${INT32_MAX}`;
  };
};
const decimal = (least: number, most = Number.POSITIVE_INFINITY, besides?: number): Check => {
  return (text) => {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return `${text} is not a number`;
    const value = Number(text);
    if ((value >= least && value <= most) || value === besides) return undefined;
    return Number.isFinite(most) ? `${text} is not between ${least} and ${most}` : `${text} is less than ${least}`;
  };
};
const duration = (leastMs: number, wholeSeconds: boolean): Check => {
  return (text) => {
    const ms = goMilliseconds(text);
    if (ms === undefined) return `${text} is not a duration such as 90s`;
    if (ms < leastMs || ms > HOUR_MS) return `${text} is not between ${leastMs / 1000}s and 1h`;
    return wholeSeconds && ms % 1000 !== 0 ? `${text} is not in whole seconds` : undefined;
  };
};

/** Every key that Knative knows, with the range that its webhook insists on. Metric and algorithm depend on the class. */
const KEYS: Readonly<Record<string, Check>> = {
  class: (value) =>
    !value.endsWith(DOMAIN) || value === KPA || value === HPA ? undefined : `${value} is not an autoscaler of Knative`,
  metric: () => undefined,
  'metric-aggregation-algorithm': () => undefined,
  target: decimal(0.01),
  'target-utilization-percentage': decimal(1, 100),
  'target-burst-capacity': decimal(0, Number.POSITIVE_INFINITY, -1),
  'min-scale': integer(0),
  'max-scale': integer(0),
  // 0 needs a setting of the cluster that a default cluster does not have.
  'initial-scale': integer(1),
  'activation-scale': integer(2),
  'scale-down-delay': duration(0, true),
  'scale-to-zero-pod-retention-period': duration(0, false),
  window: duration(6000, true),
  'panic-window-percentage': decimal(1, 100),
  'panic-threshold-percentage': decimal(110, 1000),
};

/** `metadata` is that of the template. */
export function* autoscaling(metadata: Place): Generator<Finding> {
  const annotations = at(metadata, 'annotations');
  const known = new Map<string, { path: string; text: string }>();
  for (const [key, { path, value }] of fields(annotations)) {
    if (typeof value !== 'string') yield refused(path, 'An annotation must be a text: put it in quotes.');
    else if (key.startsWith(`${DOMAIN}/`)) {
      const written = key.slice(DOMAIN.length + 1);
      const name = written.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const check = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
      if (!check) {
        yield ours(path, 'Knative does not know this annotation and ignores it without a word.');
        continue;
      }
      if (written !== name) yield ours(path, `Write it as everywhere else: ${DOMAIN}/${name}.`);
      known.set(name, { path, text: value });
      const wrong = check(value);
      if (wrong) yield refused(path, `${wrong}.`);
    }
  }
  yield* bounds(known);
  yield* measures(known);
}

type Known = ReadonlyMap<string, { path: string; text: string }>;

function* bounds(known: Known): Generator<Finding> {
  const scale = (name: string) => Number(known.get(name)?.text ?? 0);
  const [min, max, activation] = [scale('min-scale'), scale('max-scale'), scale('activation-scale')];
  const path = (name: string) => known.get(name)?.path ?? '';
  // 0 means no maximum.
  if (max !== 0 && max < min) yield refused(path('max-scale'), `max-scale ${max} is less than min-scale ${min}.`);
  if (!known.has('activation-scale')) return;
  if (min > activation) yield refused(path('activation-scale'), `min-scale ${min} is greater than ${activation}.`);
  if (max !== 0 && max < activation)
    yield refused(path('activation-scale'), `max-scale ${max} is less than ${activation}.`);
}

function* measures(known: Known): Generator<Finding> {
  const autoscaler = known.get('class')?.text;
  const metric = known.get('metric');
  const takes = { [KPA]: ['concurrency', 'rps'] }[autoscaler ?? KPA];
  if (metric && (takes ? !takes.includes(metric.text) : autoscaler === HPA && metric.text === '')) {
    yield refused(metric.path, `${metric.text} is not a metric of this autoscaler.`);
  }
  const algorithm = known.get('metric-aggregation-algorithm');
  const algorithms = ['', 'linear', 'weightedExponential', 'weighted-exponential'];
  if (algorithm && autoscaler === KPA && !algorithms.includes(algorithm.text)) {
    yield refused(algorithm.path, `${algorithm.text} is not one of ${algorithms.slice(1).join(', ')}.`);
  }
}

/** On the Service itself these annotations would do nothing; the webhook says so. `metadata` is that of the Service. */
export function* misplacedAutoscaling(metadata: Place): Generator<Finding> {
  for (const [key, { path, value }] of fields(at(metadata, 'annotations'))) {
    if (typeof value !== 'string') yield refused(path, 'An annotation must be a text: put it in quotes.');
    if (key.startsWith(`${DOMAIN}/`)) yield refused(path, 'It belongs under spec.template.metadata.annotations.');
  }
}
