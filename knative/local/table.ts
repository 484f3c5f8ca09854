// Text for people: tables in a terminal and in Markdown, lines of a readable length, and a generated part's place in a file.

import { readFile, writeFile } from 'node:fs/promises';

/** Columns as wide as their widest cell, two spaces between them. The first row is the head. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Lines of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

const COLUMNS = 120;

/** A paragraph or an item of a list, in lines of at most 120 columns where its words allow it. Text in backticks stays on one line. */
export function wrapped(text: string): string {
  const indent = text.startsWith('- ') ? '  ' : '';
  const lines: string[] = [];
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : `${indent}${word}`);
  }
  return lines.join('\n');
}

/** The rows of a Markdown table that `table` wrote with this head, by its columns. Throws where there is no such table. */
export function rowsOf<Column extends string>(text: string, head: readonly Column[]): Record<Column, string>[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`| ${head.join(' | ')} |`);
  if (start < 0) throw new Error(`There is no table with the columns ${head.join(', ')}.`);
  const rest = lines.slice(start + 2);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, end < 0 ? rest.length : end).map((line) => {
    const cells = line.slice(2, -2).split(' | ');
    return Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ''])) as Record<Column, string>;
  });
}

/** Replaces what a file holds between `<!-- name -->` and `<!-- /name -->`. */
export async function writeBetween(file: string, name: string, content: string): Promise<void> {
  await writeFile(file, withBetween(await readFile(file, 'utf8'), name, content, file));
}

/** The text of a file with that content there. */
export function withBetween(text: string, name: string, content: string, file: string): string {
  const { start, end } = placeOf(text, name, file);
  return `${text.slice(0, start)}\n\n${content}\n\n${text.slice(end)}`;
}

/** What a file holds there. */
export async function readBetween(file: string, name: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  const { start, end } = placeOf(text, name, file);
  return text.slice(start, end).trim();
}

function placeOf(text: string, name: string, file: string): { start: number; end: number } {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(opening), text.indexOf(closing)];
  if (start < 0 || end < start) throw new Error(`${file} has no place between ${opening} and ${closing}.`);
  return { start: start + opening.length, end };
}
