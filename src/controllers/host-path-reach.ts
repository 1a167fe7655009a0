import { quoted } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import { maySpread } from './claim-reach.ts';
import type { Workload } from './workload.ts';

/**
 * What is to be said of `repository`, where it is on a hostPath and the pods of `workload` may be on several nodes: each node has a directory
 * of its own there, and one repository is made for all. It is no fault by itself, since all nodes may have mounted the same storage there.
 */
export function hostPathWarning(workload: Workload, { metadata, spec }: Repository): string | undefined {
  const { hostPath } = spec.backend.local ?? {};
  if (hostPath === undefined || !maySpread(workload)) return undefined;
  return `the Repository ${quoted(metadata.name)} is on a hostPath, and ${workload.kind} ${quoted(workload.metadata.name)} may have pods on several nodes: unless every node has the same storage mounted at ${hostPath.path}, pods on another node than the first find no repository; use nfs, a claim that is ReadWriteMany, or another backend`;
}
