// Evaluates the rules in CEL (x-kubernetes-validations) that a definition has beside its schema, as the API server does
// when an object is created: at every place that the object has. Rules about a change (`oldSelf`) apply to updates
// only.

import { type CelInput, isCelError, run } from '@bufbuild/cel';
import { type Finding, refused } from '../../kong/lint/finding.ts';
import { fields, isRecord, items, type Place } from '../../kong/lint/place.ts';
import type { Schema } from './crd-schemas.ts';

interface Rule {
  rule: string;
  message?: string;
  /** Such as `.size`, below the place that the rule belongs to. */
  fieldPath?: string;
}

export interface Evaluated {
  findings: Finding[];
  /** Rules that use Kubernetes' extensions of the language, which the library lacks. */
  notEvaluated: string[];
}

/** `object` has the defaults of its schema, as the API server would keep it. */
export function evaluateRules(schema: Schema, object: Place): Evaluated {
  const findings: Finding[] = [];
  const notEvaluated: string[] = [];
  for (const { rule, place } of rulesOf(schema, object)) {
    if (/\boldSelf\b/.test(rule.rule)) continue;
    const result = run(rule.rule, { self: celValue(place.value) });
    if (result === true) continue;
    // Reading a missing field is an error, which the API server counts against the object.
    if (isCelError(result) && !result.message.startsWith('field not found')) notEvaluated.push(rule.rule);
    else findings.push(refused(`${place.path}${rule.fieldPath ?? ''}`, sentenceOf(rule)));
  }
  return { findings, notEvaluated };
}

function sentenceOf({ rule, message }: Rule): string {
  return `The definition says: ${message?.trim().replace(/\.$/, '') ?? `it must be that ${rule}`}.`;
}

function* rulesOf(schema: Schema, place: Place): Generator<{ rule: Rule; place: Place }> {
  if (place.value === undefined || place.value === null) return;
  for (const rule of (schema['x-kubernetes-validations'] ?? []) as Rule[]) yield { rule, place };
  const { properties, additionalProperties, items: element } = schema;
  for (const [name, field] of fields(place)) {
    const below = isRecord(properties) && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (isRecord(below)) yield* rulesOf(below, field);
  }
  if (isRecord(element)) for (const each of items(place)) yield* rulesOf(element, each);
}

/** JSON as CEL has it: whole numbers are integers. */
function celValue(value: unknown): CelInput {
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map(celValue);
  if (!isRecord(value)) return value as CelInput;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, celValue(member)]));
}
