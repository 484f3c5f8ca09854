// Finds fields that a compiled validator does not know, when its schema allows any: the validator reads every field
// that it knows, so a field that it has not read is unknown.

export interface UnknownField {
  /** JSON pointer of the object that has the field. */
  instancePath: string;
  name: string;
}

/** `validate` must read all of `value`, even after it has found an error. */
export function unknownFields(value: unknown, validate: (watched: unknown) => void): UnknownField[] {
  const asked = new Set<string>();
  validate(watched(value, '', asked));
  return [...notAsked(value, '', asked)];
}

function watched(value: unknown, pointer: string, asked: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof name === 'symbol' || !Object.hasOwn(target, name)) return member;
      const place = below(pointer, name);
      asked.add(place);
      return watched(member, place, asked);
    },
  });
}

function* notAsked(value: unknown, pointer: string, asked: ReadonlySet<string>): Generator<UnknownField> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const place = below(pointer, name);
    if (asked.has(place)) yield* notAsked(member, place, asked);
    else yield { instancePath: pointer, name };
  }
}

const below = (pointer: string, name: string) => `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
