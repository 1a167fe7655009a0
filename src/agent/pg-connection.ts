import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redact } from '../restic/redact.ts';
import type { Agent, Spawn } from './agent.ts';
import { HostFailure } from './failure.ts';
import { awaitServer } from './pg-patience.ts';
import { runProcess } from './process.ts';
import { stopOf } from './stop.ts';

/** What an AppBinding says of the way to its server; a text that is empty says nothing. */
export interface PostgresAddress {
  scheme: string;
  /** The query of its URL, as in `sslmode=verify-full`. */
  query: string;
  /** `true` where the certificate of the server is not verified. */
  insecureSkipTLSVerify: string;
}

/** How the programs of PostgreSQL reach a server: nothing of it is in their arguments, which every process of the node may read. */
export interface PostgresAccess {
  /** Variables of libpq. */
  env: Readonly<Record<string, string>>;
  /** What must not appear in a message. */
  secrets: readonly string[];
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** The certificate authorities of the image. */
const SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/** Schemes that say nothing against TLS. KubeDB writes `postgresql` whether the server has TLS or not, and then says so in the query. */
const TLS_SCHEMES = ['https', 'postgres', 'postgresql'];

/**
 * How far the server is trusted. Its own query decides; then a CA, by which it is verified with its name. Without verification, TLS
 * is used where the server has it; where the AppBinding says not to verify, it is meant to have it.
 *
 * @see https://www.postgresql.org/docs/15/libpq-ssl.html
 * @throws {HostFailure} `AppBindingInvalid`
 */
export function sslModeOf(
  { scheme, query, insecureSkipTLSVerify }: PostgresAddress,
  hasBundle: boolean,
): SslMode {
  const written = new URLSearchParams(query).get('sslmode');
  if (written !== null) {
    const mode = SSL_MODES.find((each) => each === written);
    if (mode !== undefined) return mode;
    throw new HostFailure(
      'AppBindingInvalid',
      `the query of the AppBinding says sslmode=${written}; write one of ${SSL_MODES.join(', ')}`,
    );
  }
  if (insecureSkipTLSVerify === 'true') return TLS_SCHEMES.includes(scheme) ? 'require' : 'prefer';
  return hasBundle || scheme === 'https' ? 'verify-full' : 'prefer';
}

/**
 * The access to the server of the step's AppBinding, from its own environment: PGHOST and PGPORT, PGUSER and PGPASSWORD or PGPASS (lines of a
 * pgpass file) of its Secret, CA_BUNDLE (PEM in base64). Any other variable of libpq passes, so that `runtimeSettings` can set one.
 *
 * @param directory - where files are written that libpq reads; nobody else may read them
 * @throws {HostFailure} `CredentialsMissing`, `AppBindingInvalid`
 */
export async function postgresAccess(
  environment: Agent['environment'],
  address: PostgresAddress,
  directory: string,
): Promise<PostgresAccess> {
  const given = Object.entries(environment).filter(
    (entry): entry is [string, string] => /^PG[A-Z]/.test(entry[0]) && (entry[1] ?? '') !== '',
  );
  const { PGPASS: pgpass, ...own } = Object.fromEntries(given);
  if (own.PGHOST === undefined) {
    throw new HostFailure('AppBindingInvalid', 'the AppBinding names no host: write a service, or a url');
  }
  if (own.PGUSER === undefined) {
    throw new HostFailure(
      'CredentialsMissing',
      'the Secret of the AppBinding is missing, or lacks POSTGRES_USER; it has POSTGRES_USER, and POSTGRES_PASSWORD or pgpass',
    );
  }
  const env: Record<string, string> = { PGCONNECT_TIMEOUT: '30', PGAPPNAME: 'stash', ...own };
  const keep = async (name: string, text: string): Promise<string> => {
    await mkdir(directory, { recursive: true });
    const path = join(directory, name);
    // libpq ignores a password file that others may read.
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  if (pgpass !== undefined) env.PGPASSFILE = await keep('pgpass', pgpass);
  if (env.PGSSLMODE === undefined) {
    const bundle = environment.CA_BUNDLE ?? '';
    env.PGSSLMODE = sslModeOf(address, bundle !== '');
    if (env.PGSSLMODE.startsWith('verify-')) {
      env.PGSSLROOTCERT = bundle === '' ? SYSTEM_ROOTS : await keep('ca.crt', pemOf(bundle));
    }
  }
  return {
    env,
    secrets: [...(own.PGPASSWORD === undefined ? [] : [own.PGPASSWORD]), ...passwordsOf(pgpass)],
  };
}

function pemOf(bundle: string): string {
  const pem = Buffer.from(bundle, 'base64').toString('utf8');
  if (pem.includes('-----BEGIN ')) return pem;
  throw new HostFailure('AppBindingInvalid', 'the caBundle of the AppBinding is no PEM in base64');
}

/** The last of the five fields of each line, in which `\` escapes. */
function passwordsOf(pgpass = ''): string[] {
  return pgpass
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => /^(?:(?:\\.|[^\\:])*:){4}(.*)$/.exec(line.trimEnd())?.[1] ?? [])
    .flatMap((password) => [password, password.replace(/\\(.)/g, '$1')]);
}

/** What is in a server. */
export interface Inventory {
  /** The role that the access is of. */
  user: string;
  roles: string[];
  databases: string[];
}

const INVENTORY = `SELECT json_build_object(
  'user', current_user,
  'roles', (SELECT json_agg(rolname) FROM pg_catalog.pg_roles),
  'databases', (SELECT json_agg(datname) FROM pg_catalog.pg_database))`;

/** The database that every server has, to be connected to where another may not be there yet. */
export const MAINTENANCE_DATABASE = 'postgres';

/** The databases that every server comes with. No dump creates them: what users have in them is played into those that are there. */
export const BUILT_IN_DATABASES: readonly string[] = [MAINTENANCE_DATABASE, 'template0', 'template1'];

/**
 * What psql is always given. It stops at the first error, and says of it where it was and not with which data: a message is read by more
 * people than a table. The database stands in PGDATABASE, since an argument would be read as a whole connection string.
 */
export const PSQL_ARGUMENTS = [
  '--no-psqlrc',
  '--no-password',
  '--quiet',
  '--set=ON_ERROR_STOP=1',
  '--set=VERBOSITY=terse',
] as const;

/**
 * Asks the server what it has, and waits for it first where it does not answer.
 *
 * @throws {HostFailure} `DatabaseUnreachable`
 * @throws {Stopped} where `signal` was aborted
 */
export async function readInventory(
  agent: Pick<Agent, 'spawn' | 'clock' | 'programPath' | 'logger'>,
  access: PostgresAccess,
  signal: AbortSignal,
): Promise<Inventory> {
  await awaitServer(agent, access, signal);
  const { env, secrets } = access;
  const out: string[] = [];
  const said: string[] = [];
  const end = await runProcess({
    command: 'psql',
    args: [...PSQL_ARGUMENTS, '--tuples-only', '--no-align', `--command=${INVENTORY}`],
    env: { PATH: agent.programPath, ...env, PGDATABASE: MAINTENANCE_DATABASE },
    spawn: agent.spawn satisfies Spawn,
    clock: agent.clock,
    signal,
    onStdout: (line) => out.push(line),
    onStderr: (line) => said.push(redact(line, secrets)),
  });
  if (end.code === 0) return JSON.parse(out.join('\n')) as Inventory;
  if (signal.aborted) throw stopOf(signal);
  throw new HostFailure(
    'DatabaseUnreachable',
    `the server ${env.PGHOST} of the AppBinding cannot be asked: ${end.failure ?? said.slice(-5).join(' ')}`,
  );
}
