// Where schemas come from: the real definitions where they are at hand, else the schemas of the npm package @kubernetes-models/knative,
// which know types and required fields, but refuse no unknown field and have no KafkaSource, no KafkaSink and nothing of Strimzi.

import { stat } from 'node:fs/promises';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import { type Crd, readCrds } from './crd-schemas.ts';
import { type Finding, refused } from './finding.ts';

export interface Schemas {
  /** Where they are from and what they do not see, in one sentence. */
  source: string;
  /** `kind` is "apiVersion kind". Undefined where there is no schema for it. */
  check(object: unknown, kind: string): Promise<Finding[] | undefined>;
  /** Kinds with rules in CEL, which were not evaluated. */
  rulesOf(kind: string): boolean;
}

/** Which apiVersions are looked for in which package: what it does not export would be looked for as a file. */
const PACKAGES = {
  '@kubernetes-models/knative': /^[\w.-]+\.dev\/v\w+$/,
  'kubernetes-models': /^(v1|(apps|batch|networking\.k8s\.io|policy)\/v1)$/,
} as const;
const KUBERNETES =
  "Kubernetes' own kinds are checked by the npm package kubernetes-models: types and required fields, not unknown ones.";

const BESIDE_THE_REPOSITORY = new URL('../../../shared/crds', import.meta.url).pathname;

/** `wanted` is what CRD_SCHEMAS says: a folder that must be there. */
export async function findSchemas(wanted: string | undefined): Promise<Schemas> {
  const folder = wanted ?? BESIDE_THE_REPOSITORY;
  const there = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (there) return ofCrds(folder);
  if (wanted !== undefined) throw new Error(`CRD_SCHEMAS names ${wanted}, which is not a folder.`);
  return ofPackage();
}

export async function ofCrds(folder: string): Promise<Schemas> {
  const crds = new Map((await readCrds(folder)).map((crd) => [crd.kind, crd]));
  const versions = new Set([...crds.keys()].map(withoutVersion));
  const ajv = new Ajv({ allErrors: true, strict: false });
  // CommonJS: its types and Node disagree about where the function is.
  (ajvFormats as unknown as (ajv: Ajv) => void)(ajv);
  const compiled = new Map<string, ValidateFunction>();
  const validatorOf = ({ kind, schema }: Crd) => {
    const present = compiled.get(kind) ?? ajv.compile(schema);
    compiled.set(kind, present);
    return present;
  };
  return {
    source: `Schemas are the definitions (CRDs) in ${folder}; fields that they do not know are refused. ${KUBERNETES}`,
    async check(object, kind) {
      const crd = crds.get(kind);
      if (!crd) {
        return versions.has(withoutVersion(kind))
          ? [refused('apiVersion', `The definition of this kind has no version ${kind.split(' ')[0]}.`)]
          : byModel(object, kind, 'kubernetes-models');
      }
      const validate = validatorOf(crd);
      return validate(object) ? [] : (validate.errors ?? []).map(toFinding);
    },
    rulesOf: (kind) => crds.get(kind)?.rules ?? false,
  };
}

/** A model of the package: what is wrong is in the error that `validate` throws. */
type Model = new (object: unknown) => { validate(): void };

export function ofPackage(): Schemas {
  return {
    source:
      'Schemas are those of the npm package @kubernetes-models/knative, as ../shared/crds is not there: types and required ' +
      `fields were checked, unknown fields only where our own lint knows the kind. ${KUBERNETES}`,
    check: async (object, kind) =>
      (await byModel(object, kind, '@kubernetes-models/knative')) ?? byModel(object, kind, 'kubernetes-models'),
    rulesOf: () => false,
  };
}

/** The package follows Kubernetes' own types, where a probe needs a port. Knative's webhook puts it in, and its definition knows that. */
function isDefaulted({ keyword, params, instancePath }: ErrorObject): boolean {
  const { missingProperty } = params as { missingProperty?: string };
  return keyword === 'required' && missingProperty === 'port' && /Probe\/(httpGet|tcpSocket)$/.test(instancePath);
}

/** Undefined where the package does not have the kind. */
async function byModel(object: unknown, kind: string, from: keyof typeof PACKAGES): Promise<Finding[] | undefined> {
  const [apiVersion = '', name = ''] = kind.split(' ');
  if (!PACKAGES[from].test(apiVersion) || !/^\w+$/.test(name)) return undefined;
  const module = await importIfThere(`${from}/${apiVersion}/${name}`);
  const model = module?.[name];
  if (!model) return undefined;
  try {
    new model(object).validate();
    return [];
  } catch (error) {
    const { errors } = error as { errors?: ErrorObject[] };
    if (!errors) throw error;
    return errors.filter((each) => from === 'kubernetes-models' || !isDefaulted(each)).map(toFinding);
  }
}

async function importIfThere(path: string): Promise<Record<string, Model> | undefined> {
  try {
    return (await import(path)) as Record<string, Model>;
  } catch (error) {
    if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

function withoutVersion(kind: string): string {
  return kind.replace(/\/\S+/, '');
}

/** "/spec/containers/0/image" becomes "spec.containers[0].image". */
function toFinding({ instancePath, keyword, params, message }: ErrorObject): Finding {
  const steps = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const stranger = (params as { additionalProperty?: string }).additionalProperty;
  if (keyword === 'additionalProperties' && stranger !== undefined) {
    return refused(pathOf([...steps, stranger]), 'The schema does not know this field.');
  }
  const allowed = (params as { allowedValues?: unknown[] }).allowedValues;
  const values = allowed ? ` (${allowed.join(', ')})` : '';
  return refused(pathOf(steps), `The schema says that it ${message ?? 'is wrong'}${values}.`);
}

function pathOf(steps: string[]): string {
  return steps.reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : path ? `${path}.${step}` : step), '');
}
