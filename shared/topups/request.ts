// What a request for a top-up may say.

import * as v from 'valibot';
import { maxCharacters } from '../platform/http/text.ts';

/** What a browser would run, or read from the payer's own machine, instead of going somewhere. */
const DANGEROUS = new Set(['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:']);

export const returnUrlSchema = v.pipe(
  v.string(),
  maxCharacters(2048),
  v.url('must be an address with a scheme'),
  v.check(isHarmless, "must be a web address or an app's own link, nothing that a browser would run"),
  v.description("Where the payer's browser or app goes after paying."),
  v.examples(['https://app.example/wallet']),
);

function isHarmless(text: string): boolean {
  return URL.canParse(text) && !DANGEROUS.has(new URL(text).protocol);
}
