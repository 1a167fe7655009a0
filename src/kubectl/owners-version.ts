import {
  HELD_REPLICAS_ANNOTATION,
  INJECTED_ANNOTATION,
  LEARNT_ANNOTATION,
  ON_NEXT_UPDATE_ANNOTATION,
  REFUSED_ANNOTATION,
  REQUESTED_ANNOTATION,
} from '../api/annotations.ts';
import { remove } from '../injection/inject.ts';
import { injectionOptions } from '../injection/options.ts';
import { podTemplateOf } from '../injection/pod.ts';
import { isRaw, type Raw, rawOf } from '../injection/raw.ts';
import { readRecord } from '../injection/record.ts';
import type { JsonPatchOperation } from '../kube/client.ts';

const OPTIONS = injectionOptions({ image: '', nativeSidecar: false });

/**
 * What makes of `workload` what its owner wrote: without the parts of ours, our marks, and with the replicas that a restore took.
 * Nothing where there is nothing of ours. Each operation holds only for the workload as it was given.
 *
 * @param remembered - how many replicas a restore took, as its session has it, where the annotation does not tell
 */
export function ownersPatch(workload: Raw, remembered?: number): JsonPatchOperation[] {
  const operations: JsonPatchOperation[] = [];
  const { workload: plain, changed } = remove(workload, OPTIONS);
  if (changed) operations.push(...replace('/spec/template', podTemplateOf(workload), podTemplateOf(plain)));

  const annotations = rawOf(rawOf(workload.metadata).annotations);
  const taken = replicasTaken(annotations[HELD_REPLICAS_ANNOTATION]) ?? remembered;
  if (taken !== undefined && rawOf(workload.spec).replicas === 0) {
    operations.push(...replace('/spec/replicas', 0, taken));
  }
  for (const name of [
    REQUESTED_ANNOTATION,
    LEARNT_ANNOTATION,
    ON_NEXT_UPDATE_ANNOTATION,
    HELD_REPLICAS_ANNOTATION,
    REFUSED_ANNOTATION,
  ]) {
    const value = annotations[name];
    if (value === undefined) continue;
    const path = `/metadata/annotations/${name.replace('/', '~1')}`;
    operations.push({ op: 'test', path, value }, { op: 'remove', path });
  }
  return operations;
}

/** Whether `workload` says that something was injected, in words that cannot be read: what is ours in it is not known. */
export function isIllegible(workload: Raw): boolean {
  const annotations = rawOf(rawOf(podTemplateOf(workload)?.metadata).annotations);
  return annotations[INJECTED_ANNOTATION] !== undefined && readRecord(annotations) === undefined;
}

function replace(path: string, from: unknown, to: unknown): JsonPatchOperation[] {
  return [
    { op: 'test', path, value: from },
    { op: 'replace', path, value: to },
  ];
}

function replicasTaken(annotation: unknown): number | undefined {
  if (typeof annotation !== 'string') return undefined;
  try {
    const held: unknown = JSON.parse(annotation);
    if (!isRaw(held) || held.isHeld !== true) return undefined;
    return Number.isInteger(held.replicas) && Number(held.replicas) >= 0 ? Number(held.replicas) : undefined;
  } catch {
    return undefined;
  }
}
