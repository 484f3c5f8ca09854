// As start.mjs.
export { default } from './stop.ts';
