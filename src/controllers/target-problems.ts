import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { BACKUP_CONFIGURATION, type Kind, REPOSITORY, RESTORE_SESSION } from '../api/kinds.ts';
import { canonicalJSON } from '../api/names.ts';
import type { Problem } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOfWorkload, type WorkloadBackup, type WorkloadRestore } from '../api/workload-target.ts';
import { inject } from '../injection/inject.ts';
import type { InjectionProblem } from '../injection/problem.ts';
import type { BackupWanted, InjectionOptions, Wanted } from '../injection/wanted.ts';
import { wantedBy, wantedOf } from '../injection/wanted-by.ts';
import type { Caches } from './caches.ts';
import type { Context } from './context.ts';
import { hostPathWarning } from './host-path-reach.ts';
import { separateVolumes } from './separate-volumes.ts';
import { taskProblems } from './task-problems.ts';
import { forbiddenVolume } from './volume-policy.ts';
import { wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';

/** What is found of an object and the workload that it is about, before either is changed. */
export interface TargetProblems {
  /** What the object asks of the workload and cannot have. */
  problems: Problem[];
  /** What it could have, were it not for others that want something of the same workload, or for how that is scaled. */
  warnings: Problem[];
}

const NONE: TargetProblems = { problems: [], warnings: [] };

/**
 * What keeps `object` from its workload as that stands, by the caches alone. Nothing where there is no such workload yet: its
 * conditions tell, once it is there. Nothing either where an object goes on to ask what it asked before, since whoever pauses a
 * configuration is not to be refused over what became of its workload meanwhile.
 *
 * @param object - of one of our kinds, in a namespace; what its schema and its rules are content with
 */
export function targetProblems(
  { caches, injection: options, allowHostPath }: Pick<Context, 'caches' | 'injection' | 'allowHostPath'>,
  kind: Kind,
  object: unknown,
  oldObject?: unknown,
): TargetProblems {
  if (kind === REPOSITORY && oldObject === undefined) {
    const forbidden = forbiddenVolume({ caches, allowHostPath }, object as Repository);
    return forbidden === undefined ? NONE : { problems: [forbidden], warnings: [] };
  }
  if (kind !== BACKUP_CONFIGURATION && kind !== RESTORE_SESSION) return NONE;
  const asking = object as BackupConfiguration | RestoreSession;
  if (asking.spec.task !== undefined)
    return taskProblems(caches, kind, asking, oldObject as typeof asking | undefined);
  if (oldObject !== undefined && isAskedBefore(asking, oldObject as typeof asking)) return NONE;
  if (!isOfWorkload(asking)) return NONE;
  const { namespace = '', name } = asking.metadata;
  const { ref } = asking.spec.target;
  const workload = caches.workloads.get(workloadKey(namespace, ref));
  if (workload === undefined) return NONE;

  const list = kind === BACKUP_CONFIGURATION ? 'backups' : 'restores';
  const own = ownWanted(caches, asking);
  const alone: Wanted = { backups: [], restores: [], [list]: [own] };
  const refused = problemsIn(workload, alone, options);
  if (refused.length > 0) return { problems: refused.map(withoutSubject), warnings: [] };

  const standing = wantedFor(caches, namespace, ref.kind, ref.name);
  const others = { ...standing, [list]: standing[list].filter((each) => each.name !== name) };
  const known = problemsIn(workload, others, options).map((problem) => canonicalJSON(problem));
  const together = problemsIn(workload, { ...others, [list]: [...others[list], own] }, options);
  const clashes = together
    .filter((problem) => !known.includes(canonicalJSON(problem)))
    .map((problem) =>
      problem.name === name && problem.subject === kind.kind
        ? withoutSubject(problem)
        : {
            path: '',
            message: `${problem.subject} "${problem.name}" would be left out: ${problem.message}`,
          },
    );
  return { problems: [], warnings: [...clashes, ...passing(caches, workload, asking)] };
}

/** What keeps sessions from being good as long as the workload is scaled as it is: another number may come at any time, by nobody's hand. */
function passing(
  caches: Caches,
  workload: Workload,
  { metadata, spec }: WorkloadBackup | WorkloadRestore,
): Problem[] {
  const repository = caches.repositories.get(`${metadata.namespace}/${spec.repository.name}`);
  const spread = repository && hostPathWarning(workload, repository);
  return [
    separateVolumes(workload, spec.target) ?? [],
    spread === undefined ? [] : { path: 'spec.repository.name', message: spread },
  ].flat();
}

function isAskedBefore(asking: BackupConfiguration | RestoreSession, before: typeof asking): boolean {
  return (
    asking.spec.repository.name === before.spec.repository.name &&
    canonicalJSON(asking.spec.target) === canonicalJSON(before.spec.target) &&
    canonicalJSON(settingsOf(asking)) === canonicalJSON(settingsOf(before))
  );
}

function settingsOf({ spec }: BackupConfiguration | RestoreSession): unknown {
  return 'runtimeSettings' in spec ? (spec.runtimeSettings ?? null) : null;
}

/** A Repository that is not there yet is none of the workload's problems. */
function ownWanted(caches: Caches, asking: WorkloadBackup | WorkloadRestore): BackupWanted {
  const { name } = asking.spec.repository;
  const repository = caches.repositories.get(`${asking.metadata.namespace}/${name}`);
  return repository === undefined
    ? wantedOf(asking, { name, secretName: name })
    : wantedBy(asking, repository);
}

function problemsIn(workload: Workload, wanted: Wanted, options: InjectionOptions): InjectionProblem[] {
  return inject(workload, wanted, options).problems;
}

function withoutSubject({ path, message }: InjectionProblem): Problem {
  return { path, message };
}
