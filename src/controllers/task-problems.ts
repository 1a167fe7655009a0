import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { BACKUP_CONFIGURATION, type Kind } from '../api/kinds.ts';
import { canonicalJSON } from '../api/names.ts';
import { type Problem, quoted } from '../api/problem.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { problemsOfAsking } from '../tasks/check.ts';
import { findNamed, kebab } from '../tasks/names.ts';
import type { Caches } from './caches.ts';

/**
 * What keeps `asking` from running the Task that it names, by the caches alone. A Task that is not there is a warning, since what is
 * applied together comes in any order; and one that asks what it asked before is let be, whatever became of the Task meanwhile.
 */
export function taskProblems(
  { tasks, functions }: Pick<Caches, 'tasks' | 'functions'>,
  kind: Kind,
  asking: BackupConfiguration | RestoreSession,
  before?: BackupConfiguration | RestoreSession,
): { problems: Problem[]; warnings: Problem[] } {
  const { task } = asking.spec;
  if (task === undefined || (before !== undefined && askedOf(asking) === askedOf(before))) {
    return { problems: [], warnings: [] };
  }
  const found = findNamed(task.name, (name) => tasks.get(name));
  if (found === undefined) {
    const tried = kebab(task.name) === task.name ? '' : `, nor ${quoted(kebab(task.name))}`;
    const message = `there is no Task ${quoted(task.name)}${tried} yet, without which no session can run`;
    return { problems: [], warnings: [{ path: 'spec.task.name', message }] };
  }
  return problemsOfAsking(
    {
      session: kind === BACKUP_CONFIGURATION ? 'BackupSession' : 'RestoreSession',
      namespace: asking.metadata.namespace ?? '',
      spec: { ...asking.spec, task },
    },
    found,
    (name) => functions.get(name),
  );
}

function askedOf({ spec }: BackupConfiguration | RestoreSession): string {
  const policy = 'retentionPolicy' in spec ? spec.retentionPolicy : undefined;
  return canonicalJSON([spec.task, spec.target, spec.runtimeSettings, policy].map((each) => each ?? null));
}
