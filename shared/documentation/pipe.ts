// Describes a valibot pipe as a sender or a receiver sees it, because the document has no transformations.

import type { Keywords } from '../platform/http/rule.ts';

/**
 * The side of a schema: what a caller sends (before transformations) or receives (after them). A query is all text, so
 * text that becomes a number is described as a number.
 */
export type Side = 'input' | 'query' | 'output';

/** The data of a valibot schema or action. */
export interface Node {
  kind: 'schema' | 'validation' | 'transformation' | 'metadata';
  type: string;
  pipe?: Node[];
  title?: string;
  metadata?: { title?: unknown };
  message?: unknown;
  requirement?: unknown;
  operation?: unknown;
  /** The keywords of JSON Schema for a rule that valibot does not have. */
  keywords?: Keywords;
  getter?: (input: unknown) => Node;
  [part: string]: unknown;
}

const CHANGE_THE_TYPE = /^(transform|raw_transform|parse_json|stringify_json|find_item|reduce_items|to_\w*(?<!case))$/;
/** Steps that change nothing in the schema that a caller sees. */
export const SILENT = new Set([
  'trim',
  'trim_start',
  'trim_end',
  'normalize',
  'to_lower_case',
  'to_upper_case',
  'brand',
  'flavor',
  'readonly',
  'raw_check',
]);

/** The steps of a pipe that matter on this side: the schema, then its metadata, then its rules. */
export function steps(pipe: Node[], side: Side): Node[] {
  const flat = flatten(pipe);
  const [schema, ...rules] = shown(flat, side);
  const metadata = flat.filter((step) => step.kind === 'metadata');
  return [schema as Node, ...metadata, ...rules.filter((step) => step.kind !== 'metadata')];
}

function shown(flat: Node[], side: Side): Node[] {
  if (side === 'output') return flat.slice(flat.findLastIndex((step) => step.kind === 'schema'));
  const change = flat.findIndex((step, index) => changesType(step, index) || (step.pipe && hides(step)));
  if (change < 0) return flat;
  const readAsNumber = flat[change]?.operation === Number || flat[change]?.type === 'to_number';
  if (side === 'query' && readAsNumber) return [numberLike(flat.slice(0, change)), ...flat.slice(change + 1)];
  return flat.slice(0, Math.max(change, 1));
}

/** The number that a text with these rules becomes. */
function numberLike(text: Node[]): Node {
  const whole = text.some(({ requirement }) => requirement instanceof RegExp && !requirement.test('1.5'));
  const number: Node = { kind: 'schema', type: 'number' };
  return whole ? { ...number, pipe: [number, { kind: 'validation', type: 'integer' }] } : number;
}

/** Keeps a titled part as one step, unless rules follow that can only be combined with its inside. */
function flatten(pipe: Node[]): Node[] {
  const rules = pipe
    .slice(1)
    .some((step) => step.kind === 'validation' && typeof step.message !== 'string' && !SILENT.has(step.type));
  return pipe.flatMap((step) => (step.pipe && (!titleOf(step) || (rules && !hides(step))) ? flatten(step.pipe) : step));
}

/** Whether the type changes inside a part. The rules after it are about a value that callers never see. */
function hides(node: Node): boolean {
  return (node.pipe ?? []).some(changesType);
}

function changesType(step: Node, index: number): boolean {
  return (index > 0 && step.kind === 'schema') || CHANGE_THE_TYPE.test(step.type);
}

/** The title of the schema itself, not of a part of its pipe. */
export function titleOf(node: Node): string | undefined {
  const titles = (node.pipe ?? []).map((step) => (step.type === 'metadata' ? step.metadata?.title : step.title));
  return titles.findLast((title): title is string => typeof title === 'string');
}
