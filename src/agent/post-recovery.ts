import { snapshotsArguments } from '../restic/arguments.ts';
import { parseSnapshots } from '../restic/output.ts';
import { parseRestoredLine, type RestoredSnapshot } from '../restic/step-output.ts';
import { subjectOf } from '../restic/tags.ts';
import { HostFailure, noteOf } from './failure.ts';
import { type PushOptions, pushOutcome } from './pushgateway.ts';
import { runRestic } from './restic.ts';
import { restoreStat } from './restore.ts';
import { openForRestore, tellWaiting } from './session-repository.ts';
import { type RestoreStep, runRestoreStep, type StepAgent } from './step.ts';
import { readStepFiles } from './step-files.ts';

export interface PostRecoveryOptions extends StepAgent {
  session: string;
  /** Where the steps before left what they restored. */
  outputDirectory: string;
  push?: PushOptions;
}

/** The last step of a restore: reports what the steps before say they restored, and how the host ended. */
export function runPostRecovery(options: PostRecoveryOptions): Promise<number> {
  return runRestoreStep(options, options.session, async (step) => {
    let succeeded = false;
    try {
      succeeded = await settleByWhatWasRestored(options, step);
    } finally {
      if (options.push !== undefined) {
        const { session, report } = step;
        const { kind, name } = session.spec.target.ref;
        await pushOutcome(options, options.push, {
          ...{ session: 'restore', kind, target: name, instance: name, succeeded },
          bytes: report.stats.reduce((sum, { restoredBytes }) => sum + restoredBytes, 0),
          startTime: session.status?.startTime,
        });
      }
    }
  });
}

/** Answers whether the host has succeeded, and that is known. */
async function settleByWhatWasRestored(
  options: PostRecoveryOptions,
  { session, report, signal, settle }: RestoreStep,
): Promise<boolean> {
  const restored = await readStepFiles(options.outputDirectory, parseRestoredLine);
  if (restored.length === 0) {
    throw new HostFailure(
      'NothingRestored',
      `no step of the Task says that it restored anything: let one write a line {"message_type":"summary","snapshot_id":…,"directory":…,"bytes_restored":…,"files_restored":…} into a file *.json of ${options.outputDirectory}`,
    );
  }
  requireSomething(restored);
  const access = await openForRestore(options, session, signal, tellWaiting(report));
  const { stdout } = await runRestic(options, access, {
    args: (locking) => snapshotsArguments({ ...locking, ids: restored.map(({ snapshot }) => snapshot) }),
    signal,
  });
  const known = parseSnapshots(stdout);
  for (const one of restored) {
    const snapshot = known.find(({ id }) => id.startsWith(one.snapshot));
    if (snapshot === undefined) {
      throw new HostFailure(
        'NothingRestored',
        `a step says that it restored snapshot ${one.snapshot.slice(0, 8)}, which the repository does not have`,
      );
    }
    const directory = one.directory ?? subjectOf(snapshot.tags)?.directory ?? snapshot.paths.join(',');
    report.addStat(restoreStat(report.entry.host, directory.slice(0, 1024), snapshot, one));
  }
  const note = restored.find((one) => one.note !== undefined)?.note;
  settle({ phase: 'Succeeded', ...(note !== undefined && noteOf(note, 'OwnershipNotKept')) });
  return report.accepted();
}

/**
 * @throws {HostFailure} `NothingRestored` where one of them has nothing, whatever the others have: it was to be restored too. A directory that
 * is empty in the snapshot has nothing, and is restored
 */
export function requireSomething(restored: readonly RestoredSnapshot[]): void {
  const none = restored.find(
    ({ bytesRestored, filesRestored, filesSkipped, isEmpty }) =>
      isEmpty !== true && bytesRestored + filesRestored + filesSkipped === 0,
  );
  if (none === undefined) return;
  const of = none.directory === undefined ? '' : ` of ${none.directory}`;
  throw new HostFailure(
    'NothingRestored',
    `a step says that it restored nothing${of} from snapshot ${none.snapshot.slice(0, 8)}: look at the log of its container`,
  );
}
