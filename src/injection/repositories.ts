import { quoted } from '../api/problem.ts';
import { claimVolume, SECRETS_PATH, secretVolume } from './layout.ts';
import { coveredByRepository, normalPath, overlap, pathFault } from './paths.ts';
import type { Pod } from './pod.ts';
import { type Fault, REPOSITORY_FIELD } from './problem.ts';
import { type Raw, rawOf } from './raw.ts';
import type { RepositoryWanted } from './wanted.ts';

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
  const secretMount: Raw = {
    name: secretVolume(secretName),
    mountPath: `${SECRETS_PATH}/${name}`,
    readOnly: true,
  };
  if (pod.volumes.has(secretVolume(secretName))) return taken(secretVolume(secretName));
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

  const { claimName, readOnly = false } = local.persistentVolumeClaim;
  const mounted = volumeOfClaim(pod, claimName);
  const volume = mounted?.name ?? claimVolume(claimName);
  if (mounted === undefined && pod.volumes.has(volume)) return taken(volume);
  if (mounted?.readOnly && !readOnly) {
    return fault(
      'RepositoryVolumeReadOnly',
      `the workload has the claim ${quoted(claimName)} of the repository ${quoted(name)} as its own volume ${quoted(volume)}, which is read-only`,
    );
  }
  const claimMount: Raw = { name: volume, mountPath: path, ...(readOnly && { readOnly }) };
  return { repository, path, volumeMounts: [secretMount, claimMount] };
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
      `the repository ${quoted(repository.name)} is in the claim ${quoted(repository.local?.persistentVolumeClaim.claimName)}, which is also the volume ${quoted(volume)} at ${quoted(path)}: what befalls the data would befall its backups; keep the repository in another claim`,
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
  return [...volumes.values()];
}

/**
 * The user's own volume of a claim. A pod with two volumes of one claim may wait for the second for ever
 * (kubernetes/kubernetes#82526, #132921), so a claim has one volume, whoever brought it.
 */
function volumeOfClaim(pod: Pod, claimName: string): { name: string; readOnly: boolean } | undefined {
  let found: { name: string; readOnly: boolean } | undefined;
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
