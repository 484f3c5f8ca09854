// Jest compiles a set-up in TypeScript to CommonJS, which cannot load modules that await at their top level, such as
// the migrations' runner. Jest leaves this ending alone, and Node loads the rest.
export { default } from './start.ts';
