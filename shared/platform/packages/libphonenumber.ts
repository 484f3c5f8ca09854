// Which phone numbers there are in the world, and how each is written with its country.

export { parsePhoneNumberFromString } from 'libphonenumber-js/min';
