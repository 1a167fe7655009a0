import { posix } from 'node:path';
import { claimNameOf } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import { locationOf } from '../restic/backend.ts';
import type { Creation } from './session-gate.ts';

/**
 * Where the snapshots of `repository` are, as a key: two Repositories of one place are one repository to restic, and what must not happen
 * twice at once in one must not happen in both.
 *
 * It is a key of its namespace. Whoever names another namespace's bucket, as everybody can who has no right to it, would otherwise take the
 * places of its sessions; what restic does not bear is kept apart by {@link creationOf}, and the rest by restic's own locks.
 */
export function placeOf(repository: Repository): string {
  return `${repository.metadata.namespace}/${storageOf(repository)}`;
}

/** That a session into `repository` may have to create it; false where it exists. @param now - milliseconds since the epoch */
export function creationOf(repository: Repository, now: number): Creation | false {
  if (repository.status?.repositoryID !== undefined) return false;
  const isOfNamespace = claimNameOf(repository) !== undefined;
  return { storage: isOfNamespace ? placeOf(repository) : storageOf(repository), now };
}

/**
 * The repository itself, however the spec is written: nothing counts that only says how restic comes to it. Two that are taken for one
 * wait for each other a while; one that is taken for two may be made twice at once, and then nobody can read it.
 */
function storageOf({ spec }: Repository): string {
  const { local, ...remote } = spec.backend;
  return local === undefined ? withoutSpelling(locationOf(remote).repository) : directoryOf(local);
}

/** The directory in its volume, by what Kubernetes knows the volume by. */
function directoryOf({
  persistentVolumeClaim,
  nfs,
  hostPath,
  subPath = '',
}: NonNullable<Repository['spec']['backend']['local']>): string {
  if (persistentVolumeClaim !== undefined)
    return `claim:${persistentVolumeClaim.claimName}:${posix.resolve('/', subPath)}`;
  if (nfs !== undefined) return `nfs:${nfs.server.toLowerCase()}:${posix.resolve('/', nfs.path, subPath)}`;
  return `hostPath:${posix.resolve('/', hostPath?.path ?? '', subPath)}`;
}

/**
 * `location` with the one spelling of its server, where it has one: a host has no case, a scheme its port. Amazon's buckets have one
 * name in all regions, and each of its endpoints leads to them.
 *
 * @param location - as restic has it, such as `s3:https://minio.example.com:9000/backups/shop`
 */
function withoutSpelling(location: string): string {
  const scheme = /^(s3|rest):/.exec(location)?.[0] ?? '';
  const url = scheme === '' ? null : URL.parse(location.slice(scheme.length));
  if (url === null) return location;
  const isAmazon = scheme === 's3:' && url.hostname.endsWith('.amazonaws.com');
  const server = isAmazon ? 'https://s3.amazonaws.com' : url.origin;
  return `${scheme}${server}${url.pathname}`;
}
