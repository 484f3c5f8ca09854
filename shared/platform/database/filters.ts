// Turns the filters of a list into SQL: a table with one clause per filter, whose value becomes a parameter.

/** The condition of each filter. `place` is its parameter, such as `$4`. */
export type Clauses<Filters> = { readonly [Name in keyof Filters]-?: (place: string) => string };

/** The names of the filters that are set, in the table's order. */
export function namesOfSet<Filters>(clauses: Clauses<Filters>, filters: Filters): (keyof Filters & string)[] {
  return (Object.keys(clauses) as (keyof Filters & string)[]).filter((name) => filters[name] !== undefined);
}

/** The conditions of the filters that are set. Appends each value to `values`, the parameters of the statement. */
export function conditionsOf<Filters>(clauses: Clauses<Filters>, filters: Filters, values: unknown[]): string[] {
  return namesOfSet(clauses, filters).map((name) => clauses[name](`$${values.push(filters[name])}`));
}
