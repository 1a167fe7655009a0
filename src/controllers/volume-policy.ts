import type { Problem } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import type { Caches } from './caches.ts';

export interface Forbidden extends Problem {
  reason: 'HostPathNotAllowed' | 'PodSecurityForbids';
}

const ENFORCED = 'pod-security.kubernetes.io/enforce';

/** The levels at which a pod with such a volume is refused. */
const REFUSED_AT = { hostPath: ['baseline', 'restricted'], nfs: ['restricted'] } as const;

/**
 * Why no pod may be given the volume of `repository`; undefined where one may. A hostPath is a way to the node's files, which only the
 * administrator opens; and where Pod Security refuses a volume, a workload that has it gets no pods any more.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function forbiddenVolume(
  { caches, allowHostPath }: { caches: Pick<Caches, 'namespaces'>; allowHostPath: boolean },
  { metadata, spec }: Pick<Repository, 'metadata' | 'spec'>,
): Forbidden | undefined {
  const { hostPath, nfs } = spec.backend.local ?? {};
  const kind = hostPath === undefined ? 'nfs' : 'hostPath';
  if (hostPath === undefined && nfs === undefined) return undefined;
  const path = `spec.backend.local.${kind}`;
  if (kind === 'hostPath' && !allowHostPath) {
    return {
      reason: 'HostPathNotAllowed',
      path,
      message:
        'a hostPath is not allowed here; name a persistentVolumeClaim, or ask the administrator of Stash for `stash serve --allow-host-path`',
    };
  }
  const level = caches.namespaces.get(metadata.namespace ?? '')?.metadata.labels?.[ENFORCED];
  if (level === undefined || !REFUSED_AT[kind].some((refusing) => refusing === level)) return undefined;
  return {
    reason: 'PodSecurityForbids',
    path,
    message: `the namespace ${metadata.namespace} refuses pods with a volume of the kind ${kind} (${ENFORCED}: ${level}); name a persistentVolumeClaim`,
  };
}
