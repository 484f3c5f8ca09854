// The fields that a default cluster takes, as a table. Knative's webhook holds such a list, refuses every other field,
// and decodes strictly: so does this.

import { type Finding, refused } from '../../kong/lint/finding.ts';
import { fields, isRecord, isSet, items, type Place } from '../../kong/lint/place.ts';

/** The field is taken; other rules check its value. */
export const ANY = Symbol('any');

/**
 * A text instead of a shape says why the field is not taken. A list with one shape is a list of any number of those.
 */
export type Shape = typeof ANY | string | readonly [Shape] | { readonly [field: string]: Shape };

export function* misfits(place: Place, shape: Shape): Generator<Finding> {
  if (shape === ANY || !isSet(place)) return;
  if (typeof shape === 'string') {
    // The values that Go takes for not set.
    if (place.value !== false && place.value !== '') yield refused(place.path, `${shape}.`);
  } else if (isListOf(shape)) {
    if (!Array.isArray(place.value)) yield refused(place.path, 'It must be a list.');
    for (const each of items(place)) yield* misfits(each, shape[0]);
  } else if (!isRecord(place.value)) yield refused(place.path, 'It must have fields.');
  else {
    for (const [name, each] of fields(place)) {
      const known = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (known !== undefined) yield* misfits(each, known);
      else if (isSet(each)) yield refused(each.path, 'Knative does not know this field, or never takes it.');
    }
  }
}

function isListOf(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
