// SQL with named parameters, each written with its type: `$balances::numeric[]`. PostgreSQL itself numbers them.

/** The names of the parameters of a statement. */
export type NamesIn<Text extends string> = Text extends `${string}$${infer Name}::${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

export interface NumberedSql {
  text: string;
  /** In the order of their numbers. */
  names: string[];
}

/** The statement for PostgreSQL. A repeated name keeps its number. */
export function numbered(text: string): NumberedSql {
  const names: string[] = [];
  return {
    text: text.replace(/\$([a-z]\w*)/g, (_written, name: string) => {
      if (!names.includes(name)) names.push(name);
      return `$${names.indexOf(name) + 1}`;
    }),
    names,
  };
}
