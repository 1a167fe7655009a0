import { quoted } from '../api/problem.ts';
import { claimVolume, repositoryVolume, SECRETS_PATH, secretVolume } from './layout.ts';
import { coveredByRepository, normalPath, overlap, pathFault } from './paths.ts';
import type { Pod } from './pod.ts';
import { type Fault, REPOSITORY_FIELD } from './problem.ts';
import { type Raw, rawOf } from './raw.ts';
import type { LocalWanted, RepositoryWanted } from './wanted.ts';

/** The mounts of one repository in a container of ours. */
export interface RepositoryMounts {
  readonly repository: RepositoryWanted;
  /** Where its volume is mounted; normal. A repository that is not `local` has none. */
  readonly path?: string;
  readonly volumeMounts: readonly Raw[];
}

/** Owner, group and others may read: the agent may run as any user, and nothing but the agent mounts this volume. */
const READABLE_BY_ALL = 0o444;

export function mountRepository(pod: Pod, repository: RepositoryWanted): RepositoryMounts | Fault {
  const { name, secretName, local } = repository;
  const secret = secretVolume(secretName);
  const secretMount: Raw = { name: secret, mountPath: `${SECRETS_PATH}/${name}`, readOnly: true };
  if (pod.volumes.has(secret)) return taken(secret);
  if (local === undefined) return { repository, volumeMounts: [secretMount] };

  const invalid = pathFault(local.mountPath);
  if (invalid !== undefined) {
    return fault(
      'RepositoryMountInvalid',
      `the mountPath ${quoted(local.mountPath)} of the repository ${quoted(name)} ${invalid}`,
    );
  }
  const path = normalPath(local.mountPath);
  const covered = coveredByRepository(path);
  if (covered !== undefined) {
    return fault(
      'MountCoversAgent',
      `the mountPath ${quoted(path)} of the repository ${quoted(name)} would cover ${quoted(covered)}, which the agent needs; choose another`,
    );
  }

  const volume = volumeFor(pod, name, local);
  if (volume.isTaken) return taken(volume.name);
  if (volume.isReadOnly && !volume.readOnly) {
    return fault(
      'RepositoryVolumeReadOnly',
      `the workload has ${described(local)} of the repository ${quoted(name)} as its own volume ${quoted(volume.name)}, which is read-only`,
    );
  }
  const mount: Raw = { name: volume.name, mountPath: path, ...(volume.readOnly && { readOnly: true }) };
  return { repository, path, volumeMounts: [secretMount, mount] };
}

interface RepositoryVolume {
  name: string;
  /** Whether the repository is only to be read. */
  readOnly: boolean;
  /** Whether the workload has another volume of the name. */
  isTaken: boolean;
  /** Whether the workload's own volume, which is used in its place, can only be read. */
  isReadOnly: boolean;
}

function volumeFor(pod: Pod, repository: string, local: LocalWanted): RepositoryVolume {
  const { persistentVolumeClaim: claim, nfs } = local;
  const readOnly = claim?.readOnly ?? nfs?.readOnly ?? false;
  const mounted = ownVolume(pod, local);
  if (mounted !== undefined) {
    return { name: mounted.name, readOnly, isTaken: false, isReadOnly: mounted.readOnly };
  }
  const name = claim === undefined ? repositoryVolume(repository) : claimVolume(claim.claimName);
  return { name, readOnly, isTaken: pod.volumes.has(name), isReadOnly: false };
}

/** The user's own volume that is the very one of the repository. */
function ownVolume(pod: Pod, { persistentVolumeClaim, nfs, hostPath }: LocalWanted): OwnVolume | undefined {
  if (persistentVolumeClaim !== undefined) return volumeOfClaim(pod, persistentVolumeClaim.claimName);
  for (const [name, volume] of pod.volumes) {
    const [ownNfs, ownPath] = [rawOf(volume.nfs), rawOf(volume.hostPath)];
    const isSame =
      nfs === undefined
        ? ownPath.path === hostPath?.path
        : ownNfs.server === nfs.server && ownNfs.path === nfs.path;
    if (isSame) return { name, readOnly: ownNfs.readOnly === true };
  }
  return undefined;
}

function described({ persistentVolumeClaim, nfs, hostPath }: LocalWanted): string {
  if (persistentVolumeClaim !== undefined) return `the claim ${quoted(persistentVolumeClaim.claimName)}`;
  if (nfs !== undefined) return `the export ${quoted(`${nfs.server}:${nfs.path}`)}`;
  return `the directory ${quoted(hostPath?.path)} of the node`;
}

/** A sentence on the paths that `a` cannot have beside `b`. */
export function clashOfRepositories(a: RepositoryMounts, b: RepositoryMounts): Fault | undefined {
  if (a.repository.name === b.repository.name) return undefined;
  if (a.path === undefined || b.path === undefined || !overlap(a.path, b.path)) return undefined;
  return fault(
    'RepositoryMountConflict',
    `the repositories ${quoted(a.repository.name)} (${quoted(a.path)}) and ${quoted(b.repository.name)} (${quoted(b.path)}) would be mounted over each other; give one of them another mountPath`,
  );
}

export function clashWithData(
  { repository, path }: RepositoryMounts,
  data: Iterable<string>,
): Fault | undefined {
  if (path === undefined) return undefined;
  for (const other of data) {
    if (!overlap(path, other)) continue;
    return fault(
      'RepositoryMountConflict',
      `the repository ${quoted(repository.name)} would be mounted at ${quoted(path)}, over or inside ${quoted(other)} of the workload; give it another mountPath`,
    );
  }
  return undefined;
}

/**
 * A repository in the very volume that it backs up is lost with it, grows into its own snapshots, and an exact restore of one of
 * those deletes it.
 */
export function repositoryOnTarget(
  { repository, volumeMounts }: RepositoryMounts,
  data: Iterable<{ path: string; volume: string }>,
): Fault | undefined {
  const volumes = volumeMounts.map(({ name }) => name);
  for (const { path, volume } of data) {
    if (!volumes.includes(volume)) continue;
    return fault(
      'RepositoryOnTarget',
      `the repository ${quoted(repository.name)} is in ${described(repository.local ?? { mountPath: '' })}, which is also the volume ${quoted(volume)} at ${quoted(path)}: what befalls the data would befall its backups; keep the repository elsewhere`,
    );
  }
  return undefined;
}

/** The volumes that `repositories` need and the pod has not. */
export function volumesOf(pod: Pod, repositories: readonly RepositoryWanted[]): Raw[] {
  const volumes = new Map<string, Raw>();
  for (const { secretName } of repositories) {
    const name = secretVolume(secretName);
    // Optional, or a Secret that is missing keeps the workload's own containers from starting.
    volumes.set(name, { name, secret: { secretName, optional: true, defaultMode: READABLE_BY_ALL } });
  }
  const claims = repositories.flatMap(({ local }) => local?.persistentVolumeClaim ?? []);
  for (const { claimName } of claims) {
    if (volumeOfClaim(pod, claimName) !== undefined) continue;
    const readOnly = claims.every((claim) => claim.claimName !== claimName || claim.readOnly === true);
    const name = claimVolume(claimName);
    volumes.set(name, { name, persistentVolumeClaim: { claimName, ...(readOnly && { readOnly }) } });
  }
  for (const { name: repository, local } of repositories) {
    if (local === undefined || local.persistentVolumeClaim !== undefined) continue;
    if (ownVolume(pod, local) !== undefined) continue;
    const name = repositoryVolume(repository);
    const { nfs, hostPath } = local;
    volumes.set(name, {
      name,
      ...(nfs !== undefined && { nfs }),
      ...(hostPath !== undefined && { hostPath }),
    });
  }
  return [...volumes.values()];
}

interface OwnVolume {
  name: string;
  readOnly: boolean;
}

/**
 * The user's own volume of a claim. A pod with two volumes of one claim may wait for the second for ever
 * (kubernetes/kubernetes#82526, #132921), so a claim has one volume, whoever brought it.
 */
function volumeOfClaim(pod: Pod, claimName: string): OwnVolume | undefined {
  let found: OwnVolume | undefined;
  for (const [name, volume] of pod.volumes) {
    const claim = rawOf(volume.persistentVolumeClaim);
    if (claim.claimName !== claimName) continue;
    if (found === undefined || found.readOnly) found = { name, readOnly: claim.readOnly === true };
  }
  return found;
}

function taken(volume: string): Fault {
  return fault(
    'NameTaken',
    `the workload has a volume ${quoted(volume)} of its own, a name that is reserved; rename it`,
  );
}

function fault(reason: Fault['reason'], message: string): Fault {
  return { reason, path: REPOSITORY_FIELD, message };
}
