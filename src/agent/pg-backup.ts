import { join } from 'node:path';
import { streamBackupArguments } from '../restic/arguments.ts';
import { parseBackupLine } from '../restic/messages.ts';
import { tagsOf, targetSubject } from '../restic/tags.ts';
import { HostFailure } from './failure.ts';
import { postgresAccess, readInventory } from './pg-connection.ts';
import { dumpCommand, dumpPath } from './pg-dump.ts';
import type { PgAgent } from './pg-step.ts';
import { runRestic } from './restic.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, tellWaiting } from './session-repository.ts';
import { type BackupStep, runBackupStep } from './step.ts';
import { writeStepFile } from './step-files.ts';

/**
 * `stash agent pg-backup`: backs up a PostgreSQL server, or one database of it. The dump goes into restic as it is made, so that no copy is
 * written anywhere else. Resolves with the exit status.
 */
export function runPgBackup(agent: PgAgent): Promise<number> {
  return runBackupStep(agent, agent.session, (step) => backUpPostgres(agent, step));
}

async function backUpPostgres(agent: PgAgent, { session, report, signal }: BackupStep): Promise<void> {
  const { database, identity } = agent;
  const { name } = session.spec.backupConfiguration;
  const configuration = await readConfiguration(agent, session, signal);
  const { target } = configuration.spec;
  if (target === undefined) {
    throw new HostFailure('TargetInvalid', `BackupConfiguration ${name} has no target; name an AppBinding`);
  }
  const opened = await openForBackup(agent, session, configuration, signal, tellWaiting(report));
  const temporary = join(agent.paths.scratch, 'tmp');
  const postgres = await postgresAccess(agent.environment, agent.address, temporary);
  await requireDatabase(agent, postgres, signal);

  // restic starts the dump, with its own environment.
  const access = {
    ...opened,
    env: { ...opened.env, ...postgres.env, ...(database !== '' && { PGDATABASE: database }) },
    secrets: [...opened.secrets, ...postgres.secrets],
  };
  const subject = {
    namespace: identity.namespace,
    configuration: name,
    ...targetSubject(name, target),
    directory: dumpPath(database),
  };
  const command = dumpCommand(database);
  let summary: string | undefined;
  let hasDumpComplained = false;
  try {
    await runRestic(agent, access, {
      args: (locking) =>
        streamBackupArguments({
          ...locking,
          host: agent.hostname,
          tags: tagsOf(subject),
          path: subject.directory,
          command,
        }),
      signal,
      onLine: (line) => {
        const message = parseBackupLine(line);
        if (message.type === 'summary' && message.snapshot !== undefined) summary = line;
        // So restic passes on what the command that it started says.
        if (message.type === 'text') hasDumpComplained ||= line.startsWith(`subprocess ${command[0]}: `);
      },
    });
  } catch (error) {
    // It failed either way: what was said chooses no more than the word for it.
    if (!(error instanceof HostFailure) || error.reason !== 'ResticFailed' || !hasDumpComplained) throw error;
    throw new HostFailure(
      'DumpFailed',
      `${command[0]} failed, so that there is no snapshot of it. ${error.message}`,
    );
  }
  if (summary === undefined) {
    throw new HostFailure('NoSnapshotMade', `restic ended well for ${command[0]}, but names no snapshot`);
  }
  await writeStepFile(agent.outputDirectory, 'pg-backup', [summary]);
}

async function requireDatabase(
  agent: PgAgent,
  postgres: Parameters<typeof readInventory>[1],
  signal: AbortSignal,
): Promise<void> {
  const { databases } = await readInventory(agent, postgres, signal);
  if (agent.database === '' || databases.includes(agent.database)) return;
  throw new HostFailure(
    'DatabaseNotFound',
    `the server ${postgres.env.PGHOST} has no database ${agent.database}; it has ${databases.sort().slice(0, 20).join(', ')}`,
  );
}
