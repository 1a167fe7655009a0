import { timestamp } from '../kube/clock.ts';
import { catConfigArguments } from '../restic/arguments.ts';
import { acceptedOrStopped } from './backup.ts';
import { initialize } from './repository-id.ts';
import { runRestic } from './restic.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, openForRestore, tellWaiting } from './session-repository.ts';
import { runBackupStep, runRestoreStep, type StepAgent } from './step.ts';

export interface PrepareOptions extends StepAgent {
  kind: 'BackupSession' | 'RestoreSession';
  session: string;
}

/**
 * The step before all others: waits until the session names this pod, and opens the repository, which it makes where the session says
 * that this host may. A repository that was known and is gone is not made anew.
 */
export function runPrepare(options: PrepareOptions): Promise<number> {
  return options.kind === 'BackupSession' ? prepareBackup(options) : prepareRestore(options);
}

function prepareBackup(options: PrepareOptions): Promise<number> {
  return runBackupStep(options, options.session, async ({ session, report, signal }) => {
    report.tell({ phase: 'Running', startTime: timestamp(options.clock.now()) });
    const configuration = await readConfiguration(options, session, signal);
    const access = await openForBackup(options, session, configuration, signal, tellWaiting(report));
    report.mention({ reason: undefined, message: undefined });
    if (session.status?.initializer === report.entry.host) {
      report.tell({ repositoryID: await initialize(options, access, signal) });
      // The operator has to know of the repository before there is anything in it that could be lost.
      await acceptedOrStopped(report, signal);
    } else {
      await runRestic(options, access, { args: catConfigArguments, signal });
    }
  });
}

function prepareRestore(options: PrepareOptions): Promise<number> {
  return runRestoreStep(options, options.session, async ({ session, report, signal }) => {
    report.tell({ phase: 'Running', startTime: timestamp(options.clock.now()) });
    const access = await openForRestore(options, session, signal, tellWaiting(report));
    report.mention({ reason: undefined, message: undefined });
    await runRestic(options, access, { args: catConfigArguments, signal });
  });
}
