// The functions that are declared, and the Services that host them. A Service's `args` name functions (wallet/pay) or
// folders of them (operators); the most specific manifest wins, so that a new manifest takes a function out of its
// group.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { FunctionDeclaration } from '../shared/platform/http/function.ts';

export const ROOT = join(import.meta.dirname, '..');

export interface DeclaredFunction {
  /** As `args` name it: wallet/pay. */
  path: string;
  declaration: FunctionDeclaration;
}

export interface HostingService {
  name: string;
  args: readonly string[];
}

/** The files that declare a function, as `args` name them, in order: functions/<domain>/<name>.ts with a default export. */
export async function functionPaths(): Promise<string[]> {
  const paths: string[] = [];
  for (const domain of await readdir(join(ROOT, 'functions'), { withFileTypes: true })) {
    if (!domain.isDirectory()) continue;
    for (const file of await readdir(join(ROOT, 'functions', domain.name))) {
      if (!file.endsWith('.ts')) continue;
      const text = await readFile(join(ROOT, 'functions', domain.name, file), 'utf8');
      if (/^export default\b/m.test(text)) paths.push(`${domain.name}/${basename(file, '.ts')}`);
    }
  }
  return paths.sort();
}

/** "wallet/pay" of pay. Throws a sentence when there is no such function. */
export async function pathOf(name: string): Promise<string> {
  const path = (await functionPaths()).find((each) => each.endsWith(`/${name}`));
  if (path === undefined) throw new Error(`There is no function ${name}.`);
  return path;
}

/** The Service that hosts the function of that name. */
export async function hostOfFunction<Service extends HostingService>(
  name: string,
  services: readonly Service[],
): Promise<Service> {
  const path = await pathOf(name);
  return hostsOf(await functionPaths(), services).get(path) as Service;
}

/** Every function with its declaration. */
export async function declaredFunctions(): Promise<DeclaredFunction[]> {
  const load = async (path: string) => {
    const { href } = pathToFileURL(join(ROOT, 'functions', `${path}.ts`));
    const module = (await import(href)) as { default: FunctionDeclaration };
    return { path, declaration: module.default };
  };
  return Promise.all((await functionPaths()).map(load));
}

/** The functions that a process with these arguments serves. Throws a sentence for an argument that names none. */
export function functionsNamed(args: readonly string[], paths: readonly string[]): string[] {
  const named = args.flatMap((arg) => {
    const found = paths.filter((path) => path === arg || path.startsWith(`${arg}/`));
    if (found.length === 0) throw new Error(`There is no function, and no folder of functions, ${arg}.`);
    return found;
  });
  return [...new Set(named)].sort();
}

/**
 * The Service that requests and events of each function go to, by the function's path. A Service that names the
 * function beats one that names its folder; of two that name it, the Service with fewer functions wins. Throws a
 * sentence when that decides nothing, when a function has no Service, and when a Service has no function left.
 */
export function hostsOf<Service extends HostingService>(
  paths: readonly string[],
  services: readonly Service[],
): Map<string, Service> {
  for (const { name, args } of services) {
    if (args.length === 0) throw new Error(`The Service ${name} names no function in its args.`);
    functionsNamed(args, paths);
  }
  const hosts = new Map(paths.map((path) => [path, hostOf(path, services)]));
  const idle = services.find((service) => ![...hosts.values()].includes(service));
  if (idle) throw new Error(`Every function that the Service ${idle.name} names has a Service of its own.`);
  return hosts;
}

function hostOf<Service extends HostingService>(path: string, services: readonly Service[]): Service {
  const naming = services.filter(({ args }) => args.includes(path));
  const fewest = Math.min(...naming.map(({ args }) => args.length));
  const folder = path.slice(0, path.indexOf('/'));
  const candidates =
    naming.length > 0
      ? naming.filter(({ args }) => args.length === fewest)
      : services.filter(({ args }) => args.includes(folder));
  const [host, another] = candidates;
  if (!host) throw new Error(`No Service hosts ${path}: name it, or its folder, in the args of a manifest.`);
  if (another) throw new Error(`The Services ${host.name} and ${another.name} both host ${path}.`);
  return host;
}

/** The args of every Knative Service below a folder of manifests, as written, whether a kustomization lists it or not. */
export async function writtenServices(folder: string): Promise<HostingService[]> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.yaml'));
  const services: HostingService[] = [];
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(join(folder, file), 'utf8'))) {
      const { apiVersion, kind, metadata, spec } = (document.toJS() ?? {}) as Partial<WrittenService>;
      if (!apiVersion?.startsWith('serving.knative.dev/') || kind !== 'Service') continue;
      const args = spec?.template?.spec?.containers?.[0]?.args;
      if (args) services.push({ name: metadata?.name ?? '', args });
    }
  }
  return services;
}

interface WrittenService {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { template?: { spec?: { containers?: { args?: string[] }[] } } };
}
