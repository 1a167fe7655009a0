import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { ONLY_HOST } from '../api/hosts.ts';
import { claimNameOf } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { claimUserOf } from '../injection/claim-user.ts';
import { podTemplateOf } from '../injection/pod.ts';
import { storageOf } from '../restic/storage.ts';
import { findNamed } from '../tasks/names.ts';
import { describeTaskProblem, type TaskProblem } from '../tasks/problem.ts';
import { resolve } from '../tasks/resolve.ts';
import type { ClaimUser, TaskRun } from '../tasks/run.ts';
import { taskTarget } from '../tasks/target.ts';
import { hasEnded, type Pod } from './agent-pods.ts';
import type { Caches, Claim } from './caches.ts';
import type { Workload } from './workload.ts';

/** Why the Task of a configuration or a restore cannot be run as things are, for a condition. */
export interface TaskFault {
  reason:
    | 'TaskNotFound'
    | 'ClaimNotFound'
    | 'ClaimGoing'
    | 'ClaimInUse'
    | 'AppBindingNotFound'
    | 'RepositoryOnTarget'
    | 'TaskInvalid';
  message: string;
}

/**
 * What the pod of `session` is made from, out of the caches alone; whoever has the claim mounted is not known to them.
 *
 * @param asking - the configuration of a BackupSession, or the RestoreSession itself
 */
export function taskRunOf(
  caches: Caches,
  session: TaskRun['session'],
  asking: BackupConfiguration | RestoreSession,
  repository: Repository,
): TaskRun | TaskFault {
  const { namespace } = session;
  const { task: wanted, target, runtimeSettings } = asking.spec;
  const name = wanted?.name ?? '';
  const task = findNamed(name, (each) => caches.tasks.get(each));
  if (task === undefined) {
    const message = `spec.task.name: there is no Task "${name}"; make it, or correct the name`;
    return { reason: 'TaskNotFound', message };
  }
  const ref = target?.ref;
  const key = `${namespace}/${ref?.name}`;
  if (ref?.kind === 'PersistentVolumeClaim') {
    const fault = faultOfClaim(ref.name, namespace, caches.claims.get(key), repository);
    if (fault !== undefined) return fault;
  }
  const appBinding = ref?.kind === 'AppBinding' ? caches.appBindings.get(key) : undefined;
  if (ref?.kind === 'AppBinding' && appBinding === undefined) {
    const message = `spec.target.ref: there is no AppBinding "${ref.name}" in namespace ${namespace}`;
    return { reason: 'AppBindingNotFound', message };
  }
  const retentionPolicy = 'retentionPolicy' in asking.spec ? asking.spec.retentionPolicy : undefined;
  return {
    session,
    task,
    functionNamed: (each) => caches.functions.get(each),
    ...(wanted?.inputs !== undefined && { inputs: wanted.inputs }),
    ...(target !== undefined && { target: taskTarget(target) }),
    ...(appBinding !== undefined && { appBinding }),
    repository,
    storage: storageOf(repository),
    hostname: ONLY_HOST,
    ...(retentionPolicy !== undefined && { retentionPolicy }),
    ...(runtimeSettings !== undefined && { runtimeSettings }),
  };
}

/** Whether it is why there is none of what was asked for. */
export function isFault(answer: object): answer is TaskFault {
  return 'reason' in answer;
}

/** Why the Task of `configuration` could not be run now; undefined where it could. */
export function faultOfTask(
  caches: Caches,
  configuration: BackupConfiguration,
  repository: Repository,
): TaskFault | undefined {
  const { name, namespace = '' } = configuration.metadata;
  const run = taskRunOf(caches, { kind: 'BackupSession', name, namespace }, configuration, repository);
  if (isFault(run)) return run;
  const { problems } = resolve(run);
  return problems.length === 0 ? undefined : invalidTask(problems);
}

/** How many problems of a Task a condition tells of, which has room for 32,768 characters; `stash render` tells of all. */
const MOST_PROBLEMS = 16;
const LONGEST_PROBLEM = 1_024;

/** The problems of a Task in a sentence each. */
export function invalidTask(problems: readonly TaskProblem[]): TaskFault {
  const told = problems
    .slice(0, MOST_PROBLEMS)
    .map((problem) => describeTaskProblem(problem).slice(0, LONGEST_PROBLEM));
  if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
  return { reason: 'TaskInvalid', message: told.join('; ') };
}

function faultOfClaim(
  name: string,
  namespace: string,
  claim: Claim | undefined,
  repository: Repository,
): TaskFault | undefined {
  if (claim === undefined) {
    const message = `spec.target.ref: there is no PersistentVolumeClaim "${name}" in namespace ${namespace}`;
    return { reason: 'ClaimNotFound', message };
  }
  if (claim.metadata.deletionTimestamp !== undefined || claim.status.phase === 'Lost') {
    const message = `spec.target.ref: the PersistentVolumeClaim "${name}" is being deleted or has lost its volume`;
    return { reason: 'ClaimGoing', message };
  }
  if (claimNameOf(repository) !== name) return undefined;
  const message = `spec.repository.name: the Repository "${repository.metadata.name}" is on the very PersistentVolumeClaim "${name}" that is the target: what befalls the data would befall its backups; keep the repository elsewhere`;
  return { reason: 'RepositoryOnTarget', message };
}

/**
 * As whom, and where, the claim `name` is read and written now: by one of `pods`, or else by the pods that one of `workloads` would have,
 * which is scaled to zero. Files in a repository on a volume would otherwise be now root's and now nobody's.
 *
 * @param pods - those of the namespace, oldest first
 */
export function claimUserNow(
  name: string,
  claim: Claim | undefined,
  pods: readonly Pod[],
  workloads: readonly Workload[],
  purpose: 'backup' | 'restore',
): ClaimUser | undefined {
  const living = pods.filter((pod) => !hasEnded(pod));
  // A pod of a Job has borrowed its user itself.
  const users = living.filter(
    ({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === 'Job'),
  );
  const templates = [...users, ...workloads.map((workload) => podTemplateOf(workload) ?? {})];
  const user = templates
    .map((template) => claimUserOf(template, name, purpose))
    .find((each) => each !== undefined);
  const isOfOneNode = claim?.spec.accessModes?.some((mode) => mode.endsWith('Many')) !== true;
  const holder = living.find((pod) => claimUserOf(pod, name, purpose) !== undefined);
  const nodeName = isOfOneNode ? holder?.spec.nodeName : undefined;
  if (user === undefined && nodeName === undefined) return undefined;
  return {
    ...(user ?? { podSecurityContext: {}, capabilities: [] }),
    ...(nodeName !== undefined && nodeName !== '' && { nodeName }),
  };
}
