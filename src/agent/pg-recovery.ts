import { join } from 'node:path';
import { dumpArguments } from '../restic/arguments.ts';
import { explainExit } from '../restic/exit-codes.ts';
import { redact } from '../restic/redact.ts';
import { formatRestored } from '../restic/step-output.ts';
import { HostFailure, listed } from './failure.ts';
import { lockWaitMs } from './lock-wait.ts';
import {
  BUILT_IN_DATABASES,
  MAINTENANCE_DATABASE,
  type PostgresAccess,
  PSQL_ARGUMENTS,
  postgresAccess,
  readInventory,
} from './pg-connection.ts';
import { createdDatabases } from './pg-created.ts';
import { databaseOf, dumpPath, isLeftOut } from './pg-dump.ts';
import { withoutInHead } from './pg-head.ts';
import type { PgAgent } from './pg-step.ts';
import { type PipeResult, runPipe, type SpawnFed } from './pipe.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { openForRestore, tellWaiting } from './session-repository.ts';
import { chooseSnapshots, directoriesOf, type Source, sourceOf } from './snapshot-choice.ts';
import { type RestoreStep, runRestoreStep } from './step.ts';
import { writeStepFile } from './step-files.ts';
import { stopOf } from './stop.ts';

export interface PgRecoveryAgent extends PgAgent {
  spawnFed: SpawnFed;
}

/** How many databases a message names. */
const mostNamed = 20;

/** How many of the last lines that a program said a message has. */
const mostLines = 5;

/**
 * `stash agent pg-recovery`: plays a dump from a snapshot back into a PostgreSQL server, as restic reads it. The first error of either side ends it.
 * Resolves with the exit status.
 */
export function runPgRecovery(agent: PgRecoveryAgent): Promise<number> {
  return runRestoreStep(agent, agent.session, (step) => restorePostgres(agent, step));
}

async function restorePostgres(
  agent: PgRecoveryAgent,
  { session, report, signal }: RestoreStep,
): Promise<void> {
  const access = await openForRestore(agent, session, signal, tellWaiting(report));
  const postgres = await postgresAccess(agent.environment, agent.address, join(agent.paths.scratch, 'tmp'));
  const source = sourceOf(session, agent.identity.namespace, agent.hostname);
  const path = await pathOf(agent, access, source, signal);
  const chosen = (await chooseSnapshots(agent, access, source, [path], signal)).get(path);
  if (chosen === undefined) throw new HostFailure('NoSnapshot', `there is no snapshot of ${path}`);
  const bytes = await play(agent, access, postgres, { snapshot: chosen.snapshot.id, path }, signal);
  const line = formatRestored({
    snapshot: chosen.snapshot.id,
    directory: path,
    bytesRestored: bytes,
    filesRestored: 1,
    filesSkipped: 0,
  });
  await writeStepFile(agent.outputDirectory, 'pg-recovery', [line]);
}

/** The dump that is meant: of the database that is named, or the one that the source has. */
async function pathOf(
  agent: PgRecoveryAgent,
  access: RepositoryAccess,
  source: Source,
  signal: AbortSignal,
): Promise<string> {
  if (agent.database !== '') return dumpPath(agent.database);
  const dumps = await directoriesOf(agent, access, source, signal);
  const [only] = dumps;
  if (only !== undefined && dumps.length > 1) {
    throw new HostFailure(
      'SourceAmbiguous',
      `there are several dumps, ${dumps.join(', ')}; name one database in task.inputs.database, or in source.backupConfiguration whose dump is meant`,
    );
  }
  // Where there is none, the search for it tells what there is instead.
  return only ?? dumpPath('');
}

interface Dump {
  snapshot: string;
  path: string;
}

/** @returns how many bytes of SQL were played */
async function play(
  agent: PgRecoveryAgent,
  access: RepositoryAccess,
  postgres: PostgresAccess,
  { snapshot, path }: Dump,
  signal: AbortSignal,
): Promise<number> {
  const existing = await readInventory(agent, postgres, signal);
  const database = databaseOf(path);
  if (database === '') await requireNew(agent, access, { snapshot, path }, existing.databases, signal);
  const waitMs = lockWaitMs(agent.clock.now(), access.deadline);
  const [verb = '', ...rest] = dumpArguments({ snapshot, path, retryLock: `${Math.floor(waitMs / 1000)}s` });
  const said = { restic: [] as string[], psql: [] as string[] };
  const secrets = [...access.secrets, ...postgres.secrets];
  const hear = (lines: string[]) => (line: string) => {
    lines.push(redact(line, secrets));
    if (lines.length > mostLines) lines.shift();
  };
  const result = await runPipe({
    from: {
      command: agent.restic,
      args: [verb, ...access.options, ...rest],
      env: access.env,
      onStderr: hear(said.restic),
    },
    through: withoutInHead((statement) => isLeftOut(statement, database, existing)),
    to: {
      command: 'psql',
      args: [...PSQL_ARGUMENTS, '--output=/dev/null', '--file=-'],
      env: { PATH: agent.programPath, ...postgres.env, PGDATABASE: MAINTENANCE_DATABASE },
      onStderr: hear(said.psql),
    },
    spawn: agent.spawn,
    spawnFed: agent.spawnFed,
    clock: agent.clock,
    signal,
  });
  agent.logger.info({ from: result.from, to: result.to, bytes: result.bytes }, 'the dump was played');
  if (signal.aborted) throw stopOf(signal);
  requireBoth(result, said, path);
  if (result.bytes === 0) {
    throw new HostFailure('NothingRestored', `snapshot ${snapshot.slice(0, 8)} has nothing in ${path}`);
  }
  return result.bytes;
}

/**
 * Looks before a dump of all is played: that a database of it is there already would be seen only where it is created, and by then roles
 * and their passwords are what they were. Where the server has no database of a user's, the dump is not read for that.
 *
 * @throws {HostFailure} `DatabaseExists`
 */
async function requireNew(
  agent: PgRecoveryAgent,
  access: RepositoryAccess,
  dump: Dump,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const there = databases.filter((name) => !BUILT_IN_DATABASES.includes(name)).sort();
  if (there.length === 0) return;
  const enough = new AbortController();
  let found: string | undefined;
  const read = createdDatabases((name) => {
    if (!there.includes(name)) return;
    found ??= name;
    enough.abort();
  });
  try {
    await runRestic(agent, access, {
      args: (locking) => dumpArguments({ ...dump, ...locking }),
      signal: AbortSignal.any([signal, enough.signal]),
      onLine: (line, isError) => {
        if (!isError) read(line);
      },
    });
  } catch (error) {
    if (signal.aborted || found === undefined) throw error;
  }
  if (found === undefined) return;
  throw new HostFailure(
    'DatabaseExists',
    `the server has a database ${found} already, which the dump of all databases would create. Nothing was restored. Drop each that is to be restored, or restore into another server; this one has ${listed(there.slice(0, mostNamed), there.length)}`,
  );
}

/** @throws {HostFailure} unless restic read all of the dump, and psql played all of it */
function requireBoth(
  { from, to, endedEarly }: PipeResult,
  said: { restic: string[]; psql: string[] },
  path: string,
): void {
  const left = 'What was restored until then is there: drop it before another try.';
  const isPsqls = (to.code !== undefined && to.code !== 0) || endedEarly || to.failure !== undefined;
  if (isPsqls) {
    throw new HostFailure(
      'DatabaseNotRestored',
      `psql stopped in ${path} at the first error: ${to.failure ?? (said.psql.join(' ') || 'it said nothing')}. ${left}`,
    );
  }
  if (from.failure !== undefined) {
    throw new HostFailure('ResticFailed', `restic could not be started: ${from.failure}`);
  }
  const failure = explainExit({
    command: 'dump',
    code: from.code ?? null,
    signal: from.killedBy ?? null,
    stderr: said.restic.join('\n'),
  });
  if (failure !== undefined) throw new HostFailure(failure.reason, `${failure.message} ${left}`);
  if (to.code !== 0) throw new HostFailure('Killed', `psql was killed by ${to.killedBy}. ${left}`);
}
