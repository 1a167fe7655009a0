import { formatMade } from '../restic/step-output.ts';
import { targetSubject } from '../restic/tags.ts';
import { NOBODY } from '../tasks/layout.ts';
import { backUpDirectories, describeUnreadable } from './backup.ts';
import { mountPoints, requireInData } from './data-mounts.ts';
import { directoryName, requireBelow, requireDirectory } from './directories.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, tellWaiting } from './session-repository.ts';
import { runBackupStep, type StepAgent } from './step.ts';
import { writeStepFile } from './step-files.ts';

export interface VolumeBackupOptions extends StepAgent {
  session: string;
  /** Where the claim is mounted. */
  mountPath: string;
  outputDirectory: string;
  /** The user of this step. */
  uid: number;
}

/**
 * Backs up the directories of a claim, one after another, and leaves for the last step what was made. A snapshot that is not complete is
 * marked so and does not fail this step: the last one reports what there is, and fails the host.
 */
export function runVolumeBackup(options: VolumeBackupOptions): Promise<number> {
  return runBackupStep(options, options.session, async ({ session, report, signal }) => {
    const { name } = session.spec.backupConfiguration;
    const configuration = await readConfiguration(options, session, signal);
    const { target } = configuration.spec;
    const directories = (target?.directories ?? [options.mountPath]).map(directoryName);
    requireBelow(directories, options.mountPath);
    for (const directory of directories) await requireDirectory(directory);
    await requireInData(directories, [options.mountPath], await mountPoints());
    const access = await openForBackup(options, session, configuration, signal, tellWaiting(report));
    const of = { namespace: options.identity.namespace, configuration: name, ...targetSubject(name, target) };
    const subjects = directories.map((directory) => ({ ...of, directory }));
    const outcomes = await backUpDirectories(options, access, subjects, target?.exclude, report, signal);
    const lines = outcomes.map((outcome) => {
      const { made, count, absent } = outcome;
      const unreadable =
        count > 0 ? `SomeFilesUnreadable: ${describeUnreadable(outcome)}${asWhom(options.uid)}` : undefined;
      const incomplete = absent === undefined ? unreadable : `${absent.reason}: ${absent.message}`;
      return formatMade({ ...made, ...(incomplete !== undefined && { incomplete }) });
    });
    await writeStepFile(options.outputDirectory, 'volume-backup', lines);
  });
}

function asWhom(uid: number): string {
  if (uid !== NOBODY) return '';
  return `. They were read as nobody (${NOBODY}), as they are where neither a pod nor a workload has the claim: make the workload first that writes them, if only with replicas: 0`;
}
