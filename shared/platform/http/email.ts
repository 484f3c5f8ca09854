// E-mail addresses, in the one spelling that is stored.

import { domainToASCII } from 'node:url';
import * as v from 'valibot';
import { rule } from './rule.ts';
import { maxCharacters, withoutInvisible } from './text.ts';

/** RFC 5321, 4.5.3.1, and what fits between the angle brackets of a path. */
const LONGEST_LOCAL_PART = 64;
const LONGEST_ADDRESS = 254;

/**
 * In lower case, and with a domain of another script in its ASCII form (xn--...). Undefined for what is no address that mail can be sent to.
 * Quoted local parts, comments and local parts of other scripts are none here: hardly a mail server takes them.
 */
export function normaliseEmail(written: string): string | undefined {
  const parts = withoutInvisible(written).toLowerCase().split('@');
  const [local = '', domain = ''] = parts;
  if (parts.length !== 2 || local.length > LONGEST_LOCAL_PART || /^\.|\.\.|\.$/.test(local)) return undefined;
  const ascii = domainToASCII(domain);
  const address = `${local}@${ascii}`;
  // A name without a dot is a machine's, and one that ends with a number an address.
  const isOfInternet = /\.(?!\d+$)[^.]+$/.test(ascii);
  return isOfInternet && address.length <= LONGEST_ADDRESS && v.RFC_EMAIL_REGEX.test(address) ? address : undefined;
}

export const emailSchema = v.pipe(
  v.string(),
  maxCharacters(LONGEST_ADDRESS),
  rule<string>((text) => normaliseEmail(text) !== undefined, 'must be an e-mail address', { format: 'email' }),
  v.transform((text) => normaliseEmail(text) ?? text),
);
