import { TOKEN_VOLUME } from '../api/agent-pod.ts';
import { quoted } from '../api/problem.ts';
import { remembered } from '../api/remembered.ts';
import { fingerprint } from './fingerprint.ts';
import { findHold, type Hold } from './holders.ts';
import { RESTORE, RESTORE_SCRATCH_VOLUME, SIDECAR, SIDECAR_SCRATCH_VOLUME } from './layout.ts';
import { coveredByData, normalPath, pathFault } from './paths.ts';
import type { Mount, Pod } from './pod.ts';
import {
  DIRECTORIES_FIELD,
  type Fault,
  type InjectionProblem,
  type ProblemReason,
  TARGET_FIELD,
} from './problem.ts';
import { rawOf } from './raw.ts';
import { mountRepository } from './repositories.ts';
import { EMPTY_ROOM, furnish, type Room } from './room.ts';
import { settle, UNSETTLED } from './settings.ts';
import type { BackupWanted, DirectoriesWanted, SidecarSettings, Wanted } from './wanted.ts';

/** What goes into a workload, and what cannot. */
export interface Plan {
  readonly backups: Part;
  readonly restores: Part;
  readonly problems: InjectionProblem[];
}

/** What one container of ours is for. */
export interface Part {
  /** Those that are served, by name. */
  readonly names: readonly string[];
  /** What each of them is served with, in the order of `names`: see {@link servedPrint}. */
  readonly served: readonly string[];
  /** The fingerprint of all that each of them wants of the workload, in the order of `names`. */
  readonly wishes: readonly string[];
  /** The fingerprint of all that they want. */
  readonly wanted: string;
  readonly room: Room;
  /** How the container is to run, where the installation and the workload are not to say. */
  readonly settings: SidecarSettings;
  /** Names of the Secrets that are wanted to pull its image with, beside the installation's. */
  readonly imagePullSecrets: readonly string[];
}

type Subject = InjectionProblem['subject'];

const NO_WISHES = fingerprint([]);

/** Each that is wanted is either served or has a problem; they are taken in the order of their names, so that the outcome is one. */
export function plan(pod: Pod, wanted: Wanted): Plan {
  const problems: InjectionProblem[] = [];
  const backups = planPart(pod, wanted.backups, 'BackupConfiguration', problems);
  const restores = planPart(pod, wanted.restores, 'RestoreSession', problems);
  return { backups, restores, problems };
}

/** The same problem for all that is wanted. */
export function refuseAll(wanted: Wanted, reason: ProblemReason, message: string): InjectionProblem[] {
  const fault = { reason, message, path: TARGET_FIELD };
  return [
    ...wanted.backups.map(({ name }) => ({ subject: 'BackupConfiguration' as const, name, ...fault })),
    ...wanted.restores.map(({ name }) => ({ subject: 'RestoreSession' as const, name, ...fault })),
  ];
}

function planPart(
  pod: Pod,
  wanted: readonly BackupWanted[],
  subject: Subject,
  problems: InjectionProblem[],
): Part {
  const names: string[] = [];
  const served: string[] = [];
  const wishes: string[] = [];
  const imagePullSecrets = new Set<string>();
  let room = EMPTY_ROOM;
  let settled = UNSETTLED;
  const part = (): Part => ({
    ...{ names, served, wishes, room, settings: settled.settings },
    wanted: wishes.length === 0 ? NO_WISHES : fingerprint(wishes),
    imagePullSecrets: [...imagePullSecrets].sort(),
  });
  if (wanted.length === 0) return part();

  const general = podFault(pod, subject);
  for (const each of [...wanted].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const outcome = general === undefined ? admit(room, pod, each, subject) : [general];
    const settling = Array.isArray(outcome) ? undefined : settle(settled, each, pod, outcome);
    if (Array.isArray(outcome) || settling === undefined || 'reason' in settling) {
      const faults = Array.isArray(outcome) ? outcome : [settling as Fault];
      problems.push(...faults.map((fault) => ({ subject, name: each.name, ...fault })));
      continue;
    }
    room = outcome;
    settled = settling;
    for (const name of each.imagePullSecrets ?? []) imagePullSecrets.add(name);
    names.push(each.name);
    const prints = printsOf(each);
    served.push(prints.served);
    wishes.push(prints.wish);
  }
  return part();
}

function admit(room: Room, pod: Pod, wanted: DirectoriesWanted, subject: Subject): Room | Fault[] {
  if (wanted.directories.length === 0) {
    return [
      {
        reason: 'DirectoriesMissing',
        path: DIRECTORIES_FIELD,
        message: 'no directory is named; name at least one',
      },
    ];
  }
  const holds: Hold[] = [];
  const faults: Fault[] = [];
  wanted.directories.forEach((directory, index) => {
    const path = `${DIRECTORIES_FIELD}[${index}]`;
    const hold = holdFor(pod, directory, wanted.container, path);
    const fault = 'reason' in hold ? hold : mountFault(pod, hold, subject, path);
    if (fault !== undefined) faults.push(fault);
    else if (!('reason' in hold)) holds.push(hold);
  });
  const repository = mountRepository(pod, wanted.repository);
  if ('reason' in repository) return [...faults, repository];
  if (faults.length > 0) return faults;

  const furnished = furnish(room, pod, holds, repository);
  return 'reason' in furnished ? [furnished] : furnished;
}

function holdFor(pod: Pod, directory: string, container: string | undefined, path: string): Hold | Fault {
  const invalid = pathFault(directory);
  if (invalid === undefined) return findHold(pod, normalPath(directory), container, path);
  return {
    reason: 'DirectoryInvalid',
    path,
    message: `${quoted(directory)} ${invalid}; name a directory in a volume`,
  };
}

/** What keeps the mounts of `hold` out of a container of ours. */
function mountFault(
  pod: Pod,
  { directory, mounts, container }: Hold,
  subject: Subject,
  path: string,
): Fault | undefined {
  for (const mount of mounts) {
    const covered = coveredByData(mount.path);
    if (covered !== undefined) {
      return {
        reason: 'MountCoversAgent',
        path,
        message: `${quoted(directory)} lies in the mount ${quoted(mount.path)} of the container ${quoted(container.name)}, which would cover ${quoted(covered)}, where the agent has its own files; mount the volume elsewhere`,
      };
    }
    if (!pod.volumes.has(mount.volume)) {
      return {
        reason: 'VolumeNotFound',
        path,
        message: `the container ${quoted(container.name)} mounts ${quoted(mount.volume)} at ${quoted(mount.path)}, and the pod has no volume of this name`,
      };
    }
    const readOnly = subject === 'RestoreSession' ? readOnlyReason(pod, mount) : undefined;
    if (readOnly !== undefined) {
      return {
        reason: 'MountReadOnly',
        path,
        message: `nothing can be restored to ${quoted(mount.path)} of the container ${quoted(container.name)}: ${readOnly}; name directories that leave it out`,
      };
    }
  }
  return undefined;
}

const READ_ONLY_KINDS = ['configMap', 'secret', 'downwardAPI', 'projected', 'image'];

function readOnlyReason(pod: Pod, { volume, readOnly }: Mount): string | undefined {
  if (readOnly) return 'it is mounted read-only';
  const source = rawOf(pod.volumes.get(volume));
  const kind = READ_ONLY_KINDS.find((each) => source[each] !== undefined && source[each] !== null);
  if (kind !== undefined) return `the volume ${quoted(volume)} is a ${kind}, which is read-only`;
  const marked = Object.values(source).some((each) => rawOf(each).readOnly === true);
  return marked ? `the volume ${quoted(volume)} is read-only` : undefined;
}

/** What makes the pod one that nothing goes into. */
function podFault(pod: Pod, subject: Subject): Fault | undefined {
  const os = rawOf(pod.raw.os).name ?? rawOf(pod.raw.nodeSelector)['kubernetes.io/os'];
  if (os === 'windows') {
    return {
      reason: 'WindowsPod',
      path: TARGET_FIELD,
      message: 'its pods run on Windows, and the agent runs on Linux alone',
    };
  }
  const container = subject === 'BackupConfiguration' ? SIDECAR : RESTORE;
  const scratch = subject === 'BackupConfiguration' ? SIDECAR_SCRATCH_VOLUME : RESTORE_SCRATCH_VOLUME;
  const volume = [scratch, TOKEN_VOLUME].find((name) => pod.volumes.has(name));
  const hasContainer = [...pod.containers, ...pod.initContainers].some(({ name }) => name === container);
  if (!hasContainer && volume === undefined) return undefined;
  const taken = hasContainer ? `a container ${quoted(container)}` : `a volume ${quoted(volume)}`;
  return {
    reason: 'NameTaken',
    path: TARGET_FIELD,
    message: `the workload has ${taken} of its own, a name that is reserved; rename it`,
  };
}

/**
 * The fingerprint of what an agent acts on for `wanted`: which data, in which volumes, and which repository. A pod with another one serves
 * the object of that name as it was before, or another object that had the name.
 */
export function servedPrint(wanted: DirectoriesWanted): string {
  return printsOf(wanted).served;
}

interface Prints {
  /** See {@link servedPrint}. */
  readonly served: string;
  /** Of what makes a difference to the workload, and of nothing else: a resourceVersion here would restart it at every status update. */
  readonly wish: string;
}

/** Remembered, since the same is wanted at each admission of a workload, and to hash it costs as much as to plan for it. */
const printsOf = remembered((wanted: BackupWanted): Prints => {
  const { name, uid, repository, directories, container, settings, imagePullSecrets = [] } = wanted;
  const { local } = repository;
  const served = fingerprint({
    name,
    uid,
    container,
    directories: [...new Set(directories.map(normalPath))].sort(),
    repository: {
      name: repository.name,
      secretName: repository.secretName,
      claimName: local?.persistentVolumeClaim?.claimName,
      readOnly: local?.persistentVolumeClaim?.readOnly || undefined,
      nfs: local?.nfs,
      hostPath: local?.hostPath,
      mountPath: local && normalPath(local.mountPath),
    },
  });
  const wish = fingerprint({ served, settings, imagePullSecrets: [...imagePullSecrets].sort() });
  return { served, wish };
});
