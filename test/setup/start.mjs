// Jest compiles a set-up in TypeScript to CommonJS, which cannot load modules that await at their top level, such as the
// migrations' runner. This ending it leaves alone, and Node loads the rest as it is.
export { default } from './start.ts';
