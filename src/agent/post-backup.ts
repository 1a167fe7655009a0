import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { labelValue } from '../api/names.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import { isOver } from '../api/sessions.ts';
import { instantOf, sleep } from '../kube/clock.ts';
import { addTagArguments, snapshotsArguments } from '../restic/arguments.ts';
import { parseSnapshots, parseTagged, type Snapshot } from '../restic/output.ts';
import { parseMadeLine } from '../restic/step-output.ts';
import { INCOMPLETE_TAG, isIncomplete, subjectOf, type Tags, tagsOf, targetSubject } from '../restic/tags.ts';
import { backupStat } from './backup-stat.ts';
import { HostFailure, type Note, noteOf } from './failure.ts';
import {
  flawOf,
  mayBeReported,
  requireOwn,
  requireUnreported,
  type SessionSubject,
} from './made-snapshots.ts';
import { type PushOptions, pushOutcome } from './pushgateway.ts';
import { readObject, readObjects } from './read-object.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { reportRetention } from './retention.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, tellWaiting } from './session-repository.ts';
import { type BackupStep, runBackupStep, type StepAgent } from './step.ts';
import { readStepFiles } from './step-files.ts';
import { stopOf } from './stop.ts';

export interface PostBackupOptions extends StepAgent {
  session: string;
  /** Where the steps before left what they made. */
  outputDirectory: string;
  push?: PushOptions;
}

const retentionPollMs = 500;

/**
 * The last step of a backup: looks each snapshot up that the steps before say they made, gives those their tags that have none of ours,
 * reports them and how the host ended, and applies the retention policy where the operator asks for it.
 */
export function runPostBackup(options: PostBackupOptions): Promise<number> {
  return runBackupStep(options, options.session, async (step) => {
    const { session, report, signal } = step;
    const { name } = session.spec.backupConfiguration;
    const configuration = await readConfiguration(options, session, signal);
    let succeeded = false;
    try {
      succeeded = await settleByWhatWasMade(options, configuration, step);
    } finally {
      // Before retention, on which the backup does not depend; and of a failure too, or the success of the one before would stand.
      if (options.push !== undefined) {
        const { kind, name: target } = targetSubject(name, configuration.spec.target);
        await pushOutcome(options, options.push, {
          ...{ session: 'backup', kind, target, instance: name, succeeded },
          bytes: report.stats.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
          startTime: session.status?.startTime,
        });
      }
    }
    if (configuration.spec.retentionPolicy !== undefined) await retain(options, step);
  });
}

/** Answers whether the host has succeeded, and that is known. */
async function settleByWhatWasMade(
  options: PostBackupOptions,
  configuration: BackupConfiguration,
  step: BackupStep,
): Promise<boolean> {
  const { session, report, signal, settle } = step;
  const access = await openForBackup(options, session, configuration, signal, tellWaiting(report));
  const { flaw, note } = await adoptAll(options, access, configuration, step);
  if (flaw === undefined) settle({ phase: 'Succeeded', ...note });
  else settle({ phase: 'Failed', ...flaw });
  return (await report.accepted()) && flaw === undefined;
}

/** Reports all snapshots. Answers why one of them is not complete, and what else is to be known of them. */
async function adoptAll(
  options: PostBackupOptions,
  access: RepositoryAccess,
  configuration: BackupConfiguration,
  { session, report, signal }: BackupStep,
): Promise<{ flaw?: Note; note?: Note }> {
  const made = await readStepFiles(options.outputDirectory, parseMadeLine);
  if (made.length === 0) {
    throw new HostFailure(
      'NoSnapshotMade',
      `no step of the Task names a snapshot that it made: let one write what "restic backup --json" prints into a file *.json of ${options.outputDirectory}`,
    );
  }
  const args = (locking: { retryLock: string }) =>
    snapshotsArguments({ ...locking, ids: made.map(({ snapshot }) => snapshot) });
  const known = parseSnapshots((await runRestic(options, access, { args, signal })).stdout);
  const { metadata, spec } = configuration;
  const own = {
    ...{ namespace: options.identity.namespace, configuration: metadata.name },
    ...targetSubject(metadata.name, spec.target),
    ...{ host: report.entry.host, startTime: instantOf(session.status?.startTime) },
  };
  const mayBeEmpty = spec.target?.ref.kind === 'PersistentVolumeClaim';
  let others: BackupSession[] | undefined;
  let firstFlaw: Note | undefined;
  for (const one of made) {
    const snapshot = known.find(({ id }) => id.startsWith(one.snapshot));
    if (snapshot === undefined) {
      throw new HostFailure(
        'NoSnapshotMade',
        `a step says that it made snapshot ${one.snapshot.slice(0, 8)}, which the repository does not have`,
      );
    }
    requireOwn(snapshot, own);
    if (mayBeReported(snapshot, own)) {
      others ??= await otherSessions(options, session, signal);
      requireUnreported(snapshot, others);
    }
    const flaw = flawOf(snapshot, one, mayBeEmpty);
    const adopted = await adopt(options, access, own, snapshot, flaw !== undefined, signal);
    report.addStat(backupStat(own.host, adopted.directory, { ...one, snapshot: adopted.snapshot }));
    firstFlaw ??= flaw;
  }
  const note = made.find((one) => one.note !== undefined)?.note;
  return {
    ...(firstFlaw !== undefined && { flaw: firstFlaw }),
    ...(note !== undefined && { note: noteOf(note, 'ResourcesSkipped') }),
  };
}

/** The sessions of the same configuration that there are, but for this one. */
async function otherSessions(
  agent: StepAgent,
  { metadata, spec }: BackupSession,
  signal: AbortSignal,
): Promise<BackupSession[]> {
  const selector = `${CONFIGURATION_LABEL}=${labelValue(spec.backupConfiguration.name)}`;
  const sessions = await readObjects<BackupSession>(agent, BACKUP_SESSIONS, selector, signal);
  return sessions.filter(({ metadata: { name } }) => name !== metadata.name);
}

/** Gives a snapshot the tags that it lacks. Answers its id, which may be another now, and what it is of. */
async function adopt(
  agent: StepAgent,
  access: RepositoryAccess,
  own: SessionSubject,
  snapshot: Snapshot,
  isFlawed: boolean,
  signal: AbortSignal,
): Promise<{ snapshot: string; directory: string }> {
  const subject = subjectOf(snapshot.tags);
  const directory = subject?.directory ?? snapshot.paths.join(',').slice(0, 1024);
  const [first, ...more] = [
    ...(subject === undefined ? tagsOf({ ...own, directory }) : []),
    ...(isFlawed && !isIncomplete(snapshot.tags) ? [INCOMPLETE_TAG] : []),
  ];
  if (first === undefined) return { snapshot: snapshot.id, directory };
  const tags: Tags = [first, ...more];
  const { stdout } = await runRestic(agent, access, {
    args: (locking) => addTagArguments({ ...locking, tags, snapshots: [snapshot.id] }),
    signal,
  });
  return { snapshot: parseTagged(stdout, snapshot.id), directory };
}

/** Applies the retention policy where the operator asks this host for it. The session may end without. */
async function retain(options: PostBackupOptions, { report, signal }: BackupStep): Promise<void> {
  while (!signal.aborted) {
    const session = await readObject<BackupSession>(options, BACKUP_SESSIONS, options.session, signal);
    if (isOver(session)) return;
    if (session.status?.retention?.host === report.entry.host) {
      return reportRetention(options, session, report, signal);
    }
    await sleep(options.clock, retentionPollMs, signal);
  }
  const stopped = stopOf(signal);
  if (stopped.reason !== 'SessionOver') throw stopped;
}
