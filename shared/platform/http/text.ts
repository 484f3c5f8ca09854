// Lengths of text. They count characters as JSON Schema and PostgreSQL do, which are code points: an emoji is one, though JavaScript
// keeps it as two units.

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
 * A text without what pasting brings along and nobody sees: marks of direction, joiners, soft hyphens, and space around it; other spaces and
 * hyphens become the plain ones.
 */
export function withoutInvisible(text: string): string {
  return text
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Zs}/gu, ' ')
    .replace(/\p{Pd}/gu, '-')
    .trim();
}

/** `withoutInvisible` within a schema, which the document has nothing to say about. */
export const visible = { ...v.transform(withoutInvisible), type: 'normalize' as const };

/** The beginning of a text; never half a character. */
export function firstCharacters(text: string, most: number): string {
  return text.length <= most
    ? text
    : Array.from(text.slice(0, 2 * most))
        .slice(0, most)
        .join('');
}

/** How many characters there are, or `enough` where there are at least so many: what is far too long is not counted to its end. */
function charactersIn(text: string, enough: number): number {
  let count = 0;
  for (const _character of text) if (++count >= enough) break;
  return count;
}
