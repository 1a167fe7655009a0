/* The dumps of PostgreSQL as snapshots have them: each is one file of SQL. */

const ALL = 'all-databases';

/** The path of the dump of `database` in a snapshot; of all databases where it is empty. */
export function dumpPath(database: string): string {
  if (database === '') return `/${ALL}.sql`;
  const name = database.replace(/[%/\p{Cc}]/gu, encodeURIComponent);
  // One may have the very name that stands for all of them.
  return name === ALL ? `/%61${ALL.slice(1)}.sql` : `/${name}.sql`;
}

/** The database whose dump is at `path`; empty where that is the dump of all. */
export function databaseOf(path: string): string {
  const name = path.slice(1).replace(/\.sql$/, '');
  return name === ALL ? '' : decodeURIComponent(name);
}

/**
 * The program that dumps. It finds the database in PGDATABASE, since an argument would be read as a whole connection string.
 *
 * Of one database the dump has what creates it, large objects with it; of all of them it has roles and tablespaces too.
 */
export function dumpCommand(database: string): readonly [string, ...string[]] {
  return database === '' ? ['pg_dumpall', '--no-password'] : ['pg_dump', '--no-password', '--create'];
}

/** What a server has already that the head of a dump would create. */
export interface Existing {
  user: string;
  roles: readonly string[];
  databases: readonly string[];
}

const NAME = String.raw`("(?:[^"]|"")+"|[^\s";]+)`;
const CREATE_ROLE = new RegExp(`^CREATE ROLE ${NAME};$`);
const ALTER_ROLE = new RegExp(`^ALTER ROLE ${NAME} WITH `);
const CREATE_DATABASE = new RegExp(`^CREATE DATABASE ${NAME} `);

/**
 * Whether a statement of the head of a dump is left out where it meets `existing`:
 * - a role that is there is not created, but gets what the dump says of it;
 * - the role that restores stays as it is: with the password of then, its next connection would be refused;
 * - the database that is restored for itself is not created where it is there. Of a dump of all, each has to be new: what the dump
 *   has would be mixed with what is there.
 *
 * @param database - the one that is restored; empty for all
 */
export function isLeftOut(statement: string, database: string, existing: Existing): boolean {
  const named = (pattern: RegExp): string | undefined => unquoted(pattern.exec(statement)?.[1]);
  if (database !== '') {
    return createdDatabase(statement) === database && existing.databases.includes(database);
  }
  const created = named(CREATE_ROLE);
  if (created !== undefined) return existing.roles.includes(created);
  return named(ALTER_ROLE) === existing.user;
}

/** The database that a line creates which begins a statement. */
export function createdDatabase(line: string): string | undefined {
  return unquoted(CREATE_DATABASE.exec(line)?.[1]);
}

function unquoted(name: string | undefined): string | undefined {
  return name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
