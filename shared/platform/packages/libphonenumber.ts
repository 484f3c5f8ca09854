// The world's numbering plans: which phone numbers exist, and their international form.

export { parsePhoneNumberFromString } from 'libphonenumber-js/min';
