// The data dictionary: every field of every answer to regulators, taken from the API document, and the codes that
// regulators send.

import { type Html, html, textPage } from '../documentation/html.ts';
import type { PERMISSIONS } from './caller.ts';
import { RULES } from './notable.ts';
import { PURPOSES } from './purpose.ts';

/** A JSON Schema, as the document has it. */
interface Schema {
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  $ref?: string;
}

export interface DictionaryEntry {
  object: string;
  /** The path of the field: dots for nested members, `[]` for list elements. */
  field: string;
  type: string;
  values?: unknown[];
  meaning: string;
}

export interface Dictionary {
  fields: DictionaryEntry[];
  purposes: Record<string, string>;
  permissions: Record<string, string>;
  rules: Record<string, string>;
}

const OBJECTS = ['RegulatedTransaction', 'RegulatorReport', 'AccessLogEntry'];

const PERMITS: Record<(typeof PERMISSIONS)[number], string> = {
  READ_TRANSACTIONS: '/v1/regulator/transactions, its export, and your own access log',
  READ_REPORTS: '/v1/regulator/report, and your own access log',
  READ_PERSONAL_DATA: 'unmask=true, for a case',
};

/** `schemas`: the schemas of the API document, by title. */
export function dictionaryOf(schemas: Readonly<Record<string, unknown>>): Dictionary {
  return {
    fields: OBJECTS.flatMap((object) => entries(object, '', schemas[object] as Schema)),
    purposes: PURPOSES,
    permissions: PERMITS,
    rules: RULES,
  };
}

function entries(object: string, prefix: string, schema: Schema): DictionaryEntry[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = `${prefix}${name}`;
    const variants = property.anyOf ?? [property];
    const inner = variants.flatMap((variant) => [
      ...entries(object, `${field}.`, variant),
      ...(variant.items ? entries(object, `${field}[].`, variant.items) : []),
    ]);
    const values = variants.flatMap((variant) => variant.enum ?? []);
    return [
      {
        object,
        field,
        type: typeOf(variants),
        ...(values.length > 0 && { values }),
        meaning: property.description ?? variants.find(({ description }) => description)?.description ?? '',
      },
      ...inner,
    ];
  });
}

function typeOf(variants: readonly Schema[]): string {
  const types = variants.flatMap(({ type, enum: values }) => type ?? (values ? 'string' : 'any'));
  return [...new Set(types)].join(' or ');
}

/** Text between back-ticks is a name. */
function withCode(text: string): Html[] {
  return text.split('`').map((piece, place) => (place % 2 === 0 ? html`${piece}` : html`<code>${piece}</code>`));
}

export function dictionaryPage(dictionary: Dictionary): { text: string; headers: Record<string, string> } {
  const codes = (title: string, of: Record<string, string>): Html => html`
<h2>${title}</h2>
<table><tbody>${Object.entries(of).map(([code, meaning]) => html`<tr><td><code>${code}</code></td><td>${meaning}</td></tr>`)}</tbody></table>`;
  const objects = Map.groupBy(dictionary.fields, ({ object }) => object);
  return textPage(
    'Data dictionary',
    html`
<h1>Data dictionary</h1>
<p>Every field of the answers to regulators. Amounts are decimal strings in IDR; times are UTC, days Asia/Jakarta’s.</p>
${[...objects].map(
  ([object, fields]) => html`
<h2>${object}</h2>
<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>
${fields.map(({ field, type, values, meaning }) => html`<tr><td><code>${field}</code></td><td>${values ? values.map(String).join(', ') : type}</td><td>${withCode(meaning)}</td></tr>`)}
</tbody></table>`,
)}
${codes('Purposes (X-Purpose-Code)', dictionary.purposes)}
${codes('Permissions of a key', dictionary.permissions)}
${codes('Rules of notable transactions', dictionary.rules)}`,
  );
}
