import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { claimFile } from './data-directory.ts';

const run = promisify(execFile);
const pom = new URL('./kafka-pom.xml', import.meta.url);

/** The directory of Kafka's jars, or the reason why there is none (a sentence without its full stop). */
export type KafkaJars = { libs: string; version: string } | { missing: string };

/** Finds the jars in `<cache>/kafka/<version>/libs`, or fetches them once from Maven Central. */
export async function kafkaJars(cacheDirectory: string): Promise<KafkaJars> {
  const java = await javaVersion();
  if (java === undefined) return { missing: 'there is no Java here (17 or later is needed)' };
  if (java < 17) return { missing: `the Java here is ${java} (17 or later is needed)` };
  const version = /<kafka\.version>(.*)<\/kafka\.version>/.exec(await readFile(pom, 'utf8'))?.[1];
  if (!version) throw new Error(`${pom.pathname} names no kafka.version.`);
  const home = join(cacheDirectory, 'kafka', version);
  const libs = join(home, 'libs');
  if (await present(libs)) return { libs, version };
  if (!(await answers('mvn', ['--version']))) return { missing: 'there is no Maven here to fetch its jars with' };
  await mkdir(home, { recursive: true });
  const release = await claimFetching(join(home, 'fetching.json'), libs);
  try {
    if (!(await present(libs))) await fetchJars(home, libs);
  } catch (error) {
    return { missing: `its jars could not be fetched from Maven Central (${tellingLine(error)})` };
  } finally {
    await release();
  }
  return { libs, version };
}

async function fetchJars(home: string, libs: string): Promise<void> {
  const fresh = await mkdtemp(join(home, 'fetch-'));
  try {
    await copyFile(pom, join(fresh, 'pom.xml'));
    await run(
      'mvn',
      ['--quiet', '--batch-mode', '--strict-checksums', '-f', join(fresh, 'pom.xml'), 'dependency:copy-dependencies']
        .concat('-DincludeScope=runtime')
        .concat(`-DoutputDirectory=${join(fresh, 'libs')}`),
      { timeout: 300_000 },
    );
    // All of them or none: with half the jars Kafka would fail much later, and oddly.
    await rename(join(fresh, 'libs'), libs);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Waits for another process that fetches the same jars. */
async function claimFetching(file: string, libs: string): Promise<() => Promise<void>> {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await delay(200)) {
    const claim = await claimFile(file, {});
    if ('release' in claim) return claim.release;
    if (await present(libs)) return async () => undefined;
  }
  throw new Error(`another process has been fetching Kafka's jars for five minutes (${file})`);
}

async function javaVersion(): Promise<number | undefined> {
  // "17.0.15", "21", and for old ones "1.8.0_392"; on standard error.
  const said = await run('java', ['-version'], { timeout: 20_000 }).catch(() => undefined);
  const version = /version "(?:1\.)?(\d+)/.exec(`${said?.stderr}${said?.stdout}`)?.[1];
  return version === undefined ? undefined : Number(version);
}

async function answers(command: string, args: string[]): Promise<boolean> {
  return run(command, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

async function present(libs: string): Promise<boolean> {
  const names = await readdir(libs).catch(() => []);
  return names.length > 0;
}

function tellingLine(error: unknown): string {
  const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
  const line = `${stdout}\n${stderr}`.split('\n').find((text) => text.includes('[ERROR]'));
  return (line ?? message.split('\n')[0] ?? '').replace('[ERROR]', '').trim().slice(0, 300);
}
