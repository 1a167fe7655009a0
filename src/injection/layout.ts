import { shortHash } from '../api/names.ts';

/* Where things are in the containers that are injected. The agent reads what stands here, and nothing else says it. */

/** The sidecar, classic or native. */
export const SIDECAR = 'stash';
/** The init container that restores. */
export const RESTORE = 'stash-restore';

/** `SECRETS_PATH/<repository>/<key>` is a key of the repository's storage Secret; nothing is there while the Secret is absent. */
export const SECRETS_PATH = '/stash/secrets';
/** An emptyDir: restic's cache and temporary files. It has no sizeLimit (that would evict the whole pod), so the agent bounds it. */
export const SCRATCH_PATH = '/stash/scratch';

export const SIDECAR_SCRATCH_VOLUME = 'stash-scratch';
/** A volume of its own: the restore may run as another user than the sidecar, and restic's cache is its owner's alone. */
export const RESTORE_SCRATCH_VOLUME = 'stash-restore-scratch';

const VOLUME_PREFIX = 'stash-';

/** Whether a volume of this name can be one that was injected. */
export function isReservedVolume(name: string): boolean {
  return name.startsWith(VOLUME_PREFIX);
}

export function secretVolume(secretName: string): string {
  return volumeName(`${VOLUME_PREFIX}secret-`, secretName);
}

export function claimVolume(claimName: string): string {
  return volumeName(`${VOLUME_PREFIX}claim-`, claimName);
}

/** Of a repository that is on no claim. */
export function repositoryVolume(repository: string): string {
  return volumeName(`${VOLUME_PREFIX}repository-`, repository);
}

/**
 * A volume's name is a DNS label (63 characters, no dots), while the names of Secrets and claims are subdomains. A name that
 * already looks hashed is hashed as well, so that no name can pass for the hash of another.
 */
function volumeName(prefix: string, name: string): string {
  const label = name.replace(/[^a-z0-9-]/g, '-');
  const fits = prefix.length + name.length <= 63;
  if (label === name && fits && !/-[0-9a-f]{10}$/.test(name)) return prefix + name;
  return `${prefix}${label.slice(0, 63 - prefix.length - 11)}-${shortHash(name, 10)}`;
}
