import { join } from 'node:path';
import type { Connection } from '../kube/connection.ts';
import { ApiError } from '../kube/errors.ts';
import { formatMade } from '../restic/step-output.ts';
import { targetSubject } from '../restic/tags.ts';
import { backUpDirectories, describeUnreadable } from './backup.ts';
import type { Omission } from './cluster-discovery.ts';
import { type Dump, dumpCluster } from './cluster-dump.ts';
import { HostFailure, listed } from './failure.ts';
import { markIncomplete } from './incomplete.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, tellWaiting } from './session-repository.ts';
import { runBackupStep, type StepAgent } from './step.ts';
import { writeStepFile } from './step-files.ts';

export interface ClusterBackupOptions extends StepAgent {
  /** To the cluster, as the account that the Job runs as. */
  connection: Connection;
  session: string;
  sanitize: boolean;
  includeSecrets: boolean;
  /** That of the Task's steps: the objects are written into its directory `cluster`. */
  outputDirectory: string;
}

/** What a session's message names. */
const mostNamed = 40;

/**
 * Writes the objects of the cluster into files and backs those up, and leaves for the last step what was made. What its account may not
 * read is told as a `note` of it; where anything else is lacking, the snapshot is marked as incomplete.
 */
export function runClusterBackup(options: ClusterBackupOptions): Promise<number> {
  return runBackupStep(options, options.session, async ({ session, report, signal }) => {
    const { connection, clock, random, logger, sanitize, includeSecrets, outputDirectory } = options;
    const { namespace } = options.identity;
    const { name } = session.spec.backupConfiguration;
    const configuration = await readConfiguration(options, session, signal);
    const access = await openForBackup(options, session, configuration, signal, tellWaiting(report));

    const directory = join(outputDirectory, 'cluster');
    const dump = await dumpCluster(
      { connection, clock, random, signal },
      { directory, sanitize, includeSecrets, namespace },
    ).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      throw new HostFailure(
        'NothingRead',
        `the API server does not tell which kinds it has: ${error.message}`,
      );
    });
    const { objects, sessions, omissions } = dump;
    for (const omission of omissions) logger.warn(omission, 'not in the backup');
    logger.info({ objects, omissions: omissions.length }, 'the cluster is read');
    if (objects === sessions) throw new HostFailure('NothingRead', describeNothing(dump));

    const subject = { namespace, configuration: name, ...targetSubject(name, undefined), directory };
    const [outcome] = await backUpDirectories(options, access, [subject], undefined, report, signal);
    if (outcome === undefined) throw new Error('one directory has one outcome');
    if (outcome.absent !== undefined) throw outcome.absent;
    const { made, count } = outcome;
    const faults = omissions.filter(({ isFault }) => isFault);
    const lacks = describeOmissions(faults.length > 0 ? faults : omissions);
    let { snapshot } = made;
    let incomplete: string | undefined;
    if (count > 0) incomplete = `SomeFilesUnreadable: ${describeUnreadable(outcome)}`;
    else if (faults.length > 0) {
      const ids = await markIncomplete(options, access, [{ snapshot, flaw: lacks }], report, signal);
      snapshot = ids.get(snapshot) ?? snapshot;
      incomplete = `SnapshotIncomplete: ${lacks}`;
    }
    const line = formatMade({
      ...{ ...made, snapshot },
      ...(incomplete !== undefined && { incomplete }),
      ...(omissions.length > 0 && { note: `ResourcesSkipped: ${lacks}` }),
    });
    await writeStepFile(outputDirectory, 'cluster-backup', [line]);
  });
}

function describeNothing({ objects, omissions }: Dump): string {
  const [first] = omissions;
  const why = first === undefined ? '' : `; ${first.what}: ${first.why}`;
  const but = objects === 0 ? '' : ' but the sessions of Stash, on which it reports';
  return `the ServiceAccount of the Job may read nothing of the cluster${but}${why}. Name one that may in runtimeSettings.pod.serviceAccountName of the BackupConfiguration; docs/cluster-backup.md has a ClusterRole for it`;
}

/** What is not in the backup, those for the same reason together. */
export function describeOmissions(omissions: readonly Omission[]): string {
  const reasons = new Map<string, string[]>();
  for (const { what, why } of omissions) reasons.set(why, [...(reasons.get(why) ?? []), what]);
  const told = [...reasons].map(
    ([why, whats]) => `${listed(whats.slice(0, mostNamed), whats.length)} (${why.slice(0, 300)})`,
  );
  return `not in the backup, since they could not be read: ${told.slice(0, 5).join('; ')}`;
}
