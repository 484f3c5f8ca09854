// Finds statements that a migration must not hold while the version before it still runs, as a canary and its stable
// neighbour do on one database. PostgreSQL's own parser reads them (libpg-query, of version 18): only statements known
// to be harmless are allowed.
//
// The way out is a comment before the statement that says why it is time:  -- contract: <why, and which release stopped using it>

import { loadModule, parseSync } from 'libpg-query';

export interface Refusal {
  line: number;
  sentence: string;
}

const NOTE = /^\s*-- contract: \S.{15,}$/m;
const BEFORE = /^(?:\s|--[^\n]*(?:\n|$))*/;

await loadModule();

/** The refusals of one file, in its order; empty when the running version can go on. */
export function refusalsOf(sql: string): Refusal[] {
  const bytes = Buffer.from(sql);
  const made = new Set<string>();
  let end = 0;
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt, stmt_location: location = 0, stmt_len }) => {
    const [[kind, statement] = ['', {}]] = Object.entries(stmt ?? {}) as [string, Node][];
    // From the end of the last statement: the comments before this one belong to it.
    const text = bytes.toString('utf8', end, stmt_len === undefined ? undefined : location + stmt_len);
    const before = BEFORE.exec(text)?.[0] ?? '';
    const line = `${bytes.toString('utf8', 0, end)}${before}`.split('\n').length;
    end = stmt_len === undefined ? bytes.length : location + stmt_len + 1;
    const sentences = harm(kind, statement, made);
    remember(kind, statement, made);
    const noted = NOTE.test(before);
    if (noted && sentences.length === 0) sentences.push('has a note and needs none');
    else if (noted) return [];
    return sentences.map((sentence) => ({ line, sentence }));
  });
}

/** What the parser gives: https://github.com/pganalyze/libpg_query, one name per node. */
// biome-ignore lint/suspicious/noExplicitAny: a tree of some two hundred kinds of nodes, of which this reads a dozen.
type Node = any;

/** The running version does not notice these; they make new objects, or data. */
const HARMLESS = new Set([
  ...[
    'CreateStmt',
    'CreateEnumStmt',
    'CompositeTypeStmt',
    'CreateDomainStmt',
    'CreateSeqStmt',
    'CreateSchemaStmt',
    'CreateStatsStmt',
  ],
  ...[
    'CreateExtensionStmt',
    'CreateFunctionStmt',
    'AlterFunctionStmt',
    'CreateTrigStmt',
    'ViewStmt',
    'CreateTableAsStmt',
    'CommentStmt',
  ],
  ...['AlterRoleSetStmt', 'VariableSetStmt', 'SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt'],
]);

function harm(kind: string, statement: Node, made: ReadonlySet<string>): string[] {
  if (HARMLESS.has(kind)) return [];
  switch (kind) {
    case 'DropStmt':
      return namesIn(statement.objects)
        .filter((name) => !made.has(name))
        .map((name) => `drops ${name}, which the running version may use`);
    case 'RenameStmt':
      return [`renames ${statement.subname ?? statement.relation?.relname ?? namesIn([statement.object])[0]}`];
    case 'AlterEnumStmt':
      return statement.oldVal ? [`renames the value ${statement.oldVal}`] : [];
    case 'GrantStmt':
      return statement.is_grant || namesIn(statement.objects).every((name) => made.has(name))
        ? []
        : ['revokes a right'];
    case 'AlterDefaultPrivilegesStmt':
      return statement.action.is_grant ? [] : ['revokes a right'];
    case 'IndexStmt': {
      const { relname } = statement.relation;
      return statement.concurrent || made.has(relname)
        ? []
        : [`holds up writes to ${relname} while the index is built`];
    }
    case 'AlterTableStmt':
      if (made.has(statement.relation.relname)) return [];
      return statement.cmds.flatMap(({ AlterTableCmd: command }: Node) => harmToTable(command, statement, made));
    default:
      return [`is not known to leave the running version alone (${kind})`];
  }
}

const HARMLESS_TO_TABLES = new Set([
  ...[
    'AT_DropNotNull',
    'AT_ValidateConstraint',
    'AT_AttachPartition',
    'AT_SetStatistics',
    'AT_SetRelOptions',
    'AT_ResetRelOptions',
  ],
  ...['AT_SetStorage', 'AT_SetCompression', 'AT_EnableTrig', 'AT_EnableAlwaysTrig'],
]);

function harmToTable({ subtype, name, def }: Node, { relation }: Node, made: ReadonlySet<string>): string[] {
  if (HARMLESS_TO_TABLES.has(subtype)) return [];
  const column = `${relation.relname}.${name}`;
  switch (subtype) {
    case 'AT_DropColumn':
      return [`drops ${column}, which the running version may use`];
    case 'AT_AlterColumnType':
      return [`changes the type of ${column}`];
    case 'AT_ColumnDefault':
      return def ? [] : [`takes the default of ${column} away, without which the running version writes`];
    case 'AT_SetNotNull':
      return made.has(defaultOf(column))
        ? []
        : [`requires ${column}, which the running version may leave empty: no default`];
    case 'AT_AddColumn':
      return requiresValue(def.ColumnDef) ? [`requires ${relation.relname}.${def.ColumnDef.colname}: no default`] : [];
    case 'AT_AddConstraint': {
      const { contype, skip_validation, indexname } = def.Constraint;
      if (skip_validation || indexname) return [];
      const checks = ['CONSTR_CHECK', 'CONSTR_FOREIGN', 'CONSTR_NOTNULL'].includes(contype);
      return [`holds up ${relation.relname} while the constraint is ${checks ? 'checked: not valid first' : 'built'}`];
    }
    default:
      return [`is not known to leave the running version alone (${subtype} of ${relation.relname})`];
  }
}

/** True when an insert without the column fails. */
function requiresValue({ constraints = [], typeName }: Node): boolean {
  const has = (...kinds: string[]) => constraints.some(({ Constraint }: Node) => kinds.includes(Constraint.contype));
  const [type] = namesIn([typeName.names]);
  const filled =
    has('CONSTR_DEFAULT', 'CONSTR_IDENTITY', 'CONSTR_GENERATED') || /^(big|small)?serial$/.test(type ?? '');
  return has('CONSTR_NOTNULL', 'CONSTR_PRIMARY') && !filled;
}

const defaultOf = (column: string) => `the default of ${column}`;

/** Objects that this file has made are not in use yet. */
function remember(kind: string, statement: Node, made: Set<string>): void {
  const { relation, view, into, typevar, sequence, idxname, trigname, funcname, typeName } = statement;
  if (kind.startsWith('Create') || ['CompositeTypeStmt', 'ViewStmt', 'IndexStmt'].includes(kind)) {
    const own = kind === 'IndexStmt' || kind === 'CreateTrigStmt' ? undefined : relation;
    const table = (own ?? view ?? into?.rel ?? typevar ?? sequence)?.relname;
    const path = kind === 'CreateTrigStmt' ? undefined : (funcname ?? typeName);
    for (const name of [
      table,
      idxname,
      trigname,
      ...(Array.isArray(path) && !statement.replace ? namesIn([path]) : []),
    ]) {
      if (name) made.add(name);
    }
  }
  if (kind !== 'AlterTableStmt') return;
  for (const { AlterTableCmd: command } of statement.cmds) {
    const { subtype, name, def } = command;
    if (subtype === 'AT_ColumnDefault' && def) made.add(defaultOf(`${relation.relname}.${name}`));
    if (subtype === 'AT_AddColumn' && def.ColumnDef.constraints?.some(({ Constraint }: Node) => Constraint.raw_expr)) {
      made.add(defaultOf(`${relation.relname}.${def.ColumnDef.colname}`));
    }
  }
}

/** The last part of each name: of a list of strings, of a type, a relation or a function. */
function namesIn(objects: readonly Node[] = []): string[] {
  return objects.map((object) => {
    const path = Array.isArray(object)
      ? object
      : (object?.List?.items ?? object?.TypeName?.names ?? object?.ObjectWithArgs?.objname ?? [object]);
    const last = path.at(-1);
    return last?.String?.sval ?? last?.RangeVar?.relname ?? 'something';
  });
}
