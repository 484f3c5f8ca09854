// The promise that a finding of the check breaks, in the words of the README's table.

const PROMISES: readonly [RegExp, string][] = [
  [/^deadlocks: /, 'transactions do not wait in a circle'],
  [/^seen without its key/, 'money and its key are there together'],
  [/^seen without its event/, 'money and its event are there together'],
  [/^set without legs/, 'a balance changes only with its legs'],
  [/ (failed|busy|unknown) instead of /, 'every posting that can be decided is decided'],
  [/decided twice|another answer than the first time/, 'a key is decided once'],
  [/no order of the postings|two postings wrote leg/, 'there is one order'],
  [/ instead of /, "every outcome and figure is the model's"],
];

export function promiseOf(finding: string): string {
  return PROMISES.find(([words]) => words.test(finding))?.[1] ?? 'the invariants hold';
}
