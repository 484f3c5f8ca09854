// E-mail addresses, in their stored spelling.

import { domainToASCII } from 'node:url';
import * as v from 'valibot';
import { rule } from './rule.ts';
import { maxCharacters, withoutInvisible } from './text.ts';

/** The limits of RFC 5321, 4.5.3.1, and of the text between the angle brackets of a path. */
const LONGEST_LOCAL_PART = 64;
const LONGEST_ADDRESS = 254;

/**
 * Lower case, and a domain of another script in its ASCII form (xn--...). Undefined if the text is no address that mail
 * can be sent to. Quoted local parts, comments and local parts of other scripts are refused, because hardly any mail
 * server takes them.
 */
export function normaliseEmail(written: string): string | undefined {
  const parts = withoutInvisible(written).toLowerCase().split('@');
  const [local = '', domain = ''] = parts;
  if (parts.length !== 2 || local.length > LONGEST_LOCAL_PART || /^\.|\.\.|\.$/.test(local)) return undefined;
  const ascii = domainToASCII(domain);
  const address = `${local}@${ascii}`;
  // A name without a dot is a local machine, and one that ends with a number is an IP address.
  const isOfInternet = /\.(?!\d+$)[^.]+$/.test(ascii);
  return isOfInternet && address.length <= LONGEST_ADDRESS && v.RFC_EMAIL_REGEX.test(address) ? address : undefined;
}

export const emailSchema = v.pipe(
  v.string(),
  maxCharacters(LONGEST_ADDRESS),
  rule<string>((text) => normaliseEmail(text) !== undefined, 'must be an e-mail address', { format: 'email' }),
  v.transform((text) => normaliseEmail(text) ?? text),
);
