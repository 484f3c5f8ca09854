// A value within a parsed document, and its path. Rules can walk over missing values and values of another type, and
// still name the place exactly.

export interface Place {
  path: string;
  value: unknown;
}

/** The field of that name, and so on downwards; its value is undefined where there is none. */
export function at(place: Place, ...names: string[]): Place {
  return names.reduce<Place>(
    ({ path, value }, name) => ({
      path: path === '' ? name : `${path}.${name}`,
      value: isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined,
    }),
    place,
  );
}

/** The elements of a list; none when the value is not a list. */
export function items({ path, value }: Place): Place[] {
  return Array.isArray(value) ? value.map((each, index) => ({ path: `${path}[${index}]`, value: each })) : [];
}

/** The fields of a record, by name; none when the value is not a record. */
export function fields(place: Place): [string, Place][] {
  return isRecord(place.value) ? Object.keys(place.value).map((name) => [name, at(place, name)]) : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Kubernetes treats null like a missing field. */
export function isSet({ value }: Place): boolean {
  return value !== undefined && value !== null;
}

export function textAt(place: Place, ...names: string[]): string | undefined {
  const { value } = at(place, ...names);
  return typeof value === 'string' ? value : undefined;
}

export function numberAt(place: Place, ...names: string[]): number | undefined {
  const { value } = at(place, ...names);
  return typeof value === 'number' ? value : undefined;
}
