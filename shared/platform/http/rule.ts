// A rule that JSON Schema has and valibot does not, so that the check and the document say the same.

import * as v from 'valibot';

/** The rule in the document: keywords of JSON Schema. */
export type Keywords = Readonly<Record<string, string | number>>;

/** `message` completes "<field> ...", as all messages do. */
export function rule<Input>(holds: (input: Input) => boolean, message: string, keywords: Keywords) {
  return { ...v.check<Input, string>(holds, message), keywords };
}
