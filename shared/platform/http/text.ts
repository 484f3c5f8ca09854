// Lengths of text. They count code points, as JSON Schema and PostgreSQL do: an emoji is one, although JavaScript
// stores it as two units.

import * as v from 'valibot';
import { rule } from './rule.ts';

export function minCharacters(
  least: number,
  message = least === 1 ? 'must not be empty' : `must have at least ${least} characters`,
) {
  return rule<string>((text) => charactersIn(text, least) >= least, message, { minLength: least });
}

export function maxCharacters(most: number, message = `must have at most ${most} characters`) {
  return rule<string>((text) => charactersIn(text, most + 1) <= most, message, { maxLength: most });
}

/**
 * Removes the invisible characters that pasting adds: direction marks, joiners, soft hyphens, and space at the ends.
 * Other spaces and hyphens become plain ones.
 */
export function withoutInvisible(text: string): string {
  return text
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Zs}/gu, ' ')
    .replace(/\p{Pd}/gu, '-')
    .trim();
}

/** `withoutInvisible` within a schema. The document does not mention it. */
export const visible = { ...v.transform(withoutInvisible), type: 'normalize' as const };

/** The first characters of a text. It never splits a character. */
export function firstCharacters(text: string, most: number): string {
  return text.length <= most
    ? text
    : Array.from(text.slice(0, 2 * most))
        .slice(0, most)
        .join('');
}

/**
 * The number of characters, or `enough` if there are at least that many: a far too long text is not counted to its end.
 */
function charactersIn(text: string, enough: number): number {
  let count = 0;
  for (const _character of text) if (++count >= enough) break;
  return count;
}
