import { findHold } from './holders.ts';
import { contains, normalPath } from './paths.ts';
import { CLAIM_TEMPLATE, type Mount, type Pod, podOf, podTemplateOf } from './pod.ts';
import { DIRECTORIES_FIELD } from './problem.ts';
import { rawOf } from './raw.ts';
import { readRecord } from './record.ts';
import { takeOut } from './template.ts';
import type { DirectoriesWanted } from './wanted.ts';

/** A volume that holds one of the directories of a target. */
export interface DataVolume {
  name: string;
  /** As it was asked for. */
  directory: string;
  /** The field of the volume that says what it is: `emptyDir`, `persistentVolumeClaim`, … */
  kind: string;
  /**
   * Whose it is: `Pod`, made with a pod and gone with it; `Ordinal`, a claim that each pod of a StatefulSet has and its successor
   * gets; `Node`, a directory of the node; `Shared`, the same for every pod, and there when they are gone.
   */
  owner: 'Pod' | 'Ordinal' | 'Node' | 'Shared';
}

/** A directory of a PersistentVolumeClaim that holds data of a target. */
export interface DataClaim {
  /** Of the claims that the pods of a StatefulSet have one each of, what comes before the ordinal: `<template>-<set>-`. */
  claim: string;
  isOfOrdinals: boolean;
  /** From the claim's root, normal. It is the root itself where each pod has a directory of its own. */
  path: string;
}

/** Source: Kubernetes, "Ephemeral Volumes". A CSI driver's volume in a pod's own spec lives as long as the pod. */
const OF_POD = ['emptyDir', 'ephemeral', 'csi', 'gitRepo'];

/**
 * The volumes of `workload` that hold the directories of `wanted`, in each directory's mounts. A directory that cannot be found, or
 * not without doubt, has none: injection says what is wrong with it.
 */
export function dataVolumesOf(
  workload: object,
  wanted: Pick<DirectoriesWanted, 'directories' | 'container'>,
): DataVolume[] {
  return dataMountsOf(workload, wanted).map(({ pod, mount, directory }) => ({
    name: mount.volume,
    directory,
    ...ownerOf(pod, mount, rawOf(workload).kind),
  }));
}

/** The claims among the volumes of {@link dataVolumesOf}, and which part of each is meant. */
export function dataClaimsOf(
  workload: object,
  wanted: Pick<DirectoriesWanted, 'directories' | 'container'>,
): DataClaim[] {
  return dataMountsOf(workload, wanted).flatMap(({ pod, mount, directory }): DataClaim[] => {
    const source = rawOf(pod.volumes.get(mount.volume));
    const path = pathInVolume(mount, normalPath(directory));
    if (source[CLAIM_TEMPLATE] !== undefined) {
      const { name } = rawOf(rawOf(workload).metadata);
      return [{ claim: `${mount.volume}-${name}-`, isOfOrdinals: true, path }];
    }
    const { claimName } = rawOf(source.persistentVolumeClaim);
    return typeof claimName === 'string' ? [{ claim: claimName, isOfOrdinals: false, path }] : [];
  });
}

function dataMountsOf(
  workload: object,
  wanted: Pick<DirectoriesWanted, 'directories' | 'container'>,
): { pod: Pod; mount: Mount; directory: string }[] {
  const raw = rawOf(workload);
  const template = podTemplateOf(raw);
  if (template === undefined) return [];
  const record = readRecord(rawOf(template.metadata).annotations);
  const pod = podOf(record === undefined ? template : takeOut(template, record, () => false), raw);
  return wanted.directories.flatMap((directory) => {
    const hold = findHold(pod, normalPath(directory), wanted.container, DIRECTORIES_FIELD);
    return 'reason' in hold ? [] : hold.mounts.map((mount) => ({ pod, mount, directory }));
  });
}

/** Where in the volume of `mount` the part of it is that lies in `directory`. */
function pathInVolume({ path, subPath = '', subPathExpr }: Mount, directory: string): string {
  if (subPathExpr !== undefined) return '/';
  return normalPath(`${subPath}/${contains(path, directory) ? directory.slice(path.length) : ''}`);
}

function ownerOf(
  pod: Pod,
  { volume, subPathExpr }: Mount,
  workload: unknown,
): Pick<DataVolume, 'kind' | 'owner'> {
  const source = rawOf(pod.volumes.get(volume));
  const kind = Object.keys(source).find((field) => field !== 'name' && source[field] != null) ?? 'emptyDir';
  if (kind === CLAIM_TEMPLATE) return { kind, owner: 'Ordinal' };
  if (OF_POD.includes(kind)) return { kind, owner: 'Pod' };
  // Each pod has its own part of the volume, which its successor gets: the names of these pods and of nodes stay.
  if (subPathExpr !== undefined && workload === 'StatefulSet') return { kind, owner: 'Ordinal' };
  if (kind === 'hostPath' || (subPathExpr !== undefined && workload === 'DaemonSet'))
    return { kind, owner: 'Node' };
  return { kind, owner: 'Shared' };
}
