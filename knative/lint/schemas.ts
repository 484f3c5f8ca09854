// Finds schemas: the real definitions where a folder of them is given, else those of the npm package
// @kubernetes-models/knative, which has no KafkaSource, no KafkaSink and nothing of Strimzi. Kubernetes' own kinds are
// checked by the npm package kubernetes-models.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import { type Finding, refused } from '../../kong/lint/finding.ts';
import { evaluateRules } from './cel-rules.ts';
import { type Crd, readCrds } from './crd-schemas.ts';
import { unknownFields } from './unknown-fields.ts';

export interface Schemas {
  /** The origin of the schemas and what they do not check, in one sentence. */
  source: string;
  /** `kind` is "apiVersion kind". Undefined where there is no schema for it. */
  check(object: unknown, kind: string): Promise<Finding[] | undefined>;
  /** "kind: rule" of each rule in CEL that an object has met and that the library could not evaluate. */
  notEvaluated: ReadonlySet<string>;
}

/** The apiVersions to look for in each package. An import of any other one would look for a file. */
const PACKAGES = {
  '@kubernetes-models/knative': /^[\w.-]+\.dev\/v\w+$/,
  'kubernetes-models': /^(v1|(apps|batch|networking\.k8s\.io|policy)\/v1)$/,
} as const;

const BESIDE_THE_REPOSITORY = join(import.meta.dirname, '../../../shared/crds');

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
  const ajv = new Ajv({ allErrors: true, strict: false, useDefaults: true });
  // CommonJS: its types and Node disagree about where the function is.
  (ajvFormats as unknown as (ajv: Ajv) => void)(ajv);
  const compiled = new Map<string, ValidateFunction>();
  const validatorOf = ({ kind, schema }: Crd) => {
    const present = compiled.get(kind) ?? ajv.compile(schema);
    compiled.set(kind, present);
    return present;
  };
  const notEvaluated = new Set<string>();
  return {
    notEvaluated,
    source: `Schemas are the definitions (CRDs) in ${folder} with their rules, and of Kubernetes' own kinds the npm package kubernetes-models; fields that they do not know are refused.`,
    async check(object, kind) {
      const crd = crds.get(kind);
      if (!crd) {
        return versions.has(withoutVersion(kind))
          ? [refused('apiVersion', `The definition of this kind has no version ${kind.split(' ')[0]}.`)]
          : byModel(object, kind, 'kubernetes-models');
      }
      const validate = validatorOf(crd);
      // As the API server does: defaults first, and rules only when the schema has no complaint.
      const kept = structuredClone(object);
      if (!validate(kept)) return (validate.errors ?? []).map(toFinding);
      const rules = evaluateRules(crd.definition, { path: '', value: kept });
      for (const rule of rules.notEvaluated) notEvaluated.add(`${kind}: ${rule}`);
      return rules.findings;
    },
  };
}

/** A model of the package: its `validate` throws an error that holds the findings. */
interface Model {
  prototype: { validate(this: unknown): void };
}

export function ofPackage(): Schemas {
  return {
    source:
      'Schemas are those of the npm packages @kubernetes-models/knative and kubernetes-models, as ../shared/crds is not there; fields ' +
      'that they do not know are refused.',
    check: async (object, kind) =>
      (await byModel(object, kind, '@kubernetes-models/knative')) ?? byModel(object, kind, 'kubernetes-models'),
    notEvaluated: new Set(),
  };
}

/** The package follows Kubernetes' own types, where a probe needs a port. Knative's webhook adds the port. */
function isDefaulted({ keyword, params, instancePath }: ErrorObject): boolean {
  const { missingProperty } = params as { missingProperty?: string };
  return keyword === 'required' && missingProperty === 'port' && /Probe\/(httpGet|tcpSocket)$/.test(instancePath);
}

/** Undefined when the package does not have the kind. */
async function byModel(object: unknown, kind: string, from: keyof typeof PACKAGES): Promise<Finding[] | undefined> {
  const [apiVersion = '', name = ''] = kind.split(' ');
  if (!PACKAGES[from].test(apiVersion) || !/^\w+$/.test(name)) return undefined;
  const module = await importIfThere(`${from}/${apiVersion}/${name}`);
  const model = module?.[name];
  if (!model) return undefined;
  const wrong: ErrorObject[] = [];
  const unknown = unknownFields(object, (watched) => {
    try {
      model.prototype.validate.call(watched);
    } catch (error) {
      const { errors } = error as { errors?: ErrorObject[] };
      if (!errors) throw error;
      wrong.push(...errors.filter((each) => from === 'kubernetes-models' || !isDefaulted(each)));
    }
  });
  return [...wrong.map(toFinding), ...unknown.map(({ instancePath, name }) => unknownField(instancePath, name))];
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
  const stranger = (params as { additionalProperty?: string }).additionalProperty;
  if (keyword === 'additionalProperties' && stranger !== undefined) return unknownField(instancePath, stranger);
  const allowed = (params as { allowedValues?: unknown[] }).allowedValues;
  const values = allowed ? ` (${allowed.join(', ')})` : '';
  return refused(pathOf(stepsOf(instancePath)), `The schema says that it ${message ?? 'is wrong'}${values}.`);
}

function unknownField(instancePath: string, name: string): Finding {
  return refused(pathOf([...stepsOf(instancePath), name]), 'The schema does not know this field.');
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pathOf(steps: string[]): string {
  return steps.reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : path ? `${path}.${step}` : step), '');
}
