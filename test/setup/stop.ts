import './start.ts';

/** Jest's global tear-down. */
export default async function stop(): Promise<void> {
  await globalThis.testRun?.parts.stop();
  await globalThis.testRun?.directory.remove();
}
