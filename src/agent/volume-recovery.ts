import { formatRestored } from '../restic/step-output.ts';
import { mountPoints, requireInData } from './data-mounts.ts';
import { directoryName, requireBelow } from './directories.ts';
import type { Owner } from './own-node.ts';
import { restoreDirectories } from './restore.ts';
import { openForRestore, tellWaiting } from './session-repository.ts';
import { runRestoreStep, type StepAgent } from './step.ts';
import { writeStepFile } from './step-files.ts';

export interface VolumeRecoveryOptions extends StepAgent {
  session: string;
  /** Where the claim is mounted. */
  mountPath: string;
  outputDirectory: string;
  owner: Owner;
}

/** Restores the directories of a claim as an init container restores those of a workload, and leaves for the last step what was restored. */
export function runVolumeRecovery(options: VolumeRecoveryOptions): Promise<number> {
  return runRestoreStep(options, options.session, async ({ session, report, signal }) => {
    const directories = (session.spec.target.directories ?? [options.mountPath]).map(directoryName);
    requireBelow(directories, options.mountPath);
    await requireInData(directories, [options.mountPath], await mountPoints());
    const access = await openForRestore(options, session, signal, tellWaiting(report));
    const { restored, note } = await restoreDirectories(
      options,
      access,
      session,
      directories,
      report,
      options.owner,
      signal,
    );
    const { reason, message } = note;
    const lines = restored.map(({ directory, snapshot, summary, isEmpty }) =>
      formatRestored({
        snapshot: snapshot.id,
        directory,
        bytesRestored: summary.bytesRestored,
        filesRestored: summary.filesRestored,
        filesSkipped: summary.filesSkipped,
        ...(isEmpty && { isEmpty }),
        ...(reason !== undefined && { note: `${reason}: ${message}` }),
      }),
    );
    await writeStepFile(options.outputDirectory, 'volume-recovery', lines);
  });
}
