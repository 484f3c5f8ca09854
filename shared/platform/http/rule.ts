// A rule that valibot does not have and JSON Schema does, so that the check and the document say the same.

import * as v from 'valibot';

/** What the document says of a rule: keywords of JSON Schema. */
export type Keywords = Readonly<Record<string, string | number>>;

/** `message` completes "<field> ...", as all messages do. */
export function rule<Input>(holds: (input: Input) => boolean, message: string, keywords: Keywords) {
  return { ...v.check<Input, string>(holds, message), keywords };
}
