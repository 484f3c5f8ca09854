// Finds, as sentences, the changes of the API's tables that break callers. Kept must be: an operation, its caller, its
// statuses of success, what it takes, what it answers. An addition breaks no caller, unless a request then needs more
// than before.

import { type Field, joined, SCHEMA } from './fields.ts';
import type { OperationRow } from './operations.ts';

export interface Api {
  operations: readonly OperationRow[];
  fields: readonly Field[];
}

export function breakingChanges(before: Api, after: Api): string[] {
  const old = new Map(unfolded(before.fields).map((field) => [placeOf(field), field]));
  const now = new Map(unfolded(after.fields).map((field) => [placeOf(field), field]));
  const statuses = new Map(after.operations.map(({ operation, statuses }) => [operation, statuses]));
  // A removed operation or status stands for all of its fields.
  const stays = ({ of, part }: Unfolded) =>
    part === 'refusal' || (statuses.get(of)?.some((status) => part.startsWith(status) || !/^\d/.test(part)) ?? false);
  const isNew = ({ of }: Unfolded) => !before.operations.some(({ operation }) => operation === of);
  return [
    ...new Set([
      ...before.operations.flatMap((row) => brokenOperation(row, after.operations)),
      ...[...old.values()].filter(stays).flatMap((field) => brokenField(field, now)),
      ...[...now.values()].filter((field) => !isNew(field)).flatMap((field) => newDemand(field, old)),
    ]),
  ];
}

function brokenOperation({ operation, caller, statuses }: OperationRow, after: readonly OperationRow[]): string[] {
  const now = after.find((row) => row.operation === operation);
  if (!now) return [`${operation} is gone`];
  return [
    ...(admits(now.caller, caller) ? [] : [`${operation} is for ${now.caller}, no longer for ${caller}`]),
    ...statuses
      .filter((status) => Number(status) < 400 && !now.statuses.includes(status))
      .map((status) => `${operation} no longer answers ${status}`),
  ];
}

/** True when every caller that was let in before still is. */
function admits(now: string, before: string): boolean {
  if (now === before || now === 'anyone' || (now === 'user' && before === 'operator')) return true;
  const permissions = (caller: string) => /^regulator with (.*)$/.exec(caller)?.[1]?.split(' or ');
  const allowed = permissions(now);
  return permissions(before)?.every((permission) => allowed?.includes(permission)) ?? false;
}

/** A field at the place where it occurs, and the place that declares it: a named schema, or the same place. */
interface Unfolded extends Field {
  declared: string;
}

/** Replaces references to named schemas by their fields, so that a schema can be renamed and split. */
function unfolded(fields: readonly Field[]): Unfolded[] {
  const schemas = Map.groupBy(
    fields.filter(({ part }) => part === SCHEMA),
    ({ of }) => of,
  );
  const unfold = (field: Field, declared: string, inside: readonly string[]): Unfolded[] => {
    const references = field.types.filter((type) => schemas.has(type) && !inside.includes(type));
    const below = references.flatMap((schema) =>
      (schemas.get(schema) ?? []).flatMap((inner) =>
        unfold(
          { ...inner, of: field.of, part: field.part, name: joined(field.name, inner.name), required: inner.required },
          joined(schema, inner.name),
          [...inside, schema],
        ),
      ),
    );
    const wholes = below.filter(({ name }) => name === field.name).flatMap(({ types }) => types);
    const types = field.types.flatMap((type) => (references.includes(type) ? [] : [type]));
    const own = {
      ...field,
      types: [...types, ...(wholes.length > 0 || references.length === 0 ? wholes : ['object'])],
    };
    return [{ ...own, declared }, ...below.filter(({ name }) => name !== field.name)];
  };
  return fields
    .filter(({ part }) => part !== SCHEMA)
    .flatMap((field) => unfold(field, `${field.of} ${field.part} ${field.name}`.trim(), []));
}

const placeOf = ({ of, part, name }: Field) => `${of}\t${part}\t${name}`;
const isAnswer = ({ part }: Field) => /^(\d\d\d|refusal)\b/.test(part);

function brokenField(field: Unfolded, after: ReadonlyMap<string, Unfolded>): string[] {
  const now = after.get(placeOf(field));
  const { declared, required, types } = field;
  const side = isAnswer(field) ? 'answer' : 'request';
  // A removed parent stands for all of its fields.
  if (!now) return parentOf(field, after) ? [`${declared}: gone from the ${side}`] : [];
  if (side === 'request') {
    const refused = types.filter((type) => !takes(now.types, type));
    return [
      ...(now.required && !required ? [`${declared}: the request must have it now`] : []),
      ...(refused.length > 0 ? [`${declared}: the request can no longer have ${refused.join(' or ')}`] : []),
    ];
  }
  const unheardOf = kindsOf(now.types).filter((kind) => !takes(kindsOf(types), kind));
  return [
    ...(required && !now.required ? [`${declared}: the answer may be without it now`] : []),
    ...(unheardOf.length > 0 ? [`${declared}: the answer may have ${unheardOf.join(' or ')} now`] : []),
  ];
}

/** A request that was complete before now lacks this field. A field below a new one counts only through that one. */
function newDemand(field: Unfolded, before: ReadonlyMap<string, Unfolded>): string[] {
  if (isAnswer(field) || !field.required || before.has(placeOf(field)) || !parentOf(field, before)) return [];
  return [`${field.declared}: new, and the request must have it`];
}

/** True when the parent of a field exists. A part of an operation exists when any of its fields does. */
function parentOf(field: Unfolded, fields: ReadonlyMap<string, Unfolded>): boolean {
  const parent = field.name.replace(/(^|\.)[^.[]+$|\[\]$/, '');
  return field.name === '' || parent === '' || fields.has(placeOf({ ...field, name: parent }));
}

function takes(types: readonly string[], type: string): boolean {
  const wider = [...kindsOf([type]), ...(kindsOf([type]).includes('integer') ? ['number'] : []), 'any'];
  return types.includes(type) || wider.some((kind) => types.includes(kind));
}

/** A new value in a list of values is not a new kind of value: callers are told to expect more of them. */
function kindsOf(types: readonly string[]): string[] {
  return [...new Set(types.map((type) => (type.startsWith('"') ? 'string' : /^\d/.test(type) ? 'number' : type)))];
}
