import { INJECTED_ANNOTATION, LEARNT_ANNOTATION } from '../api/annotations.ts';
import { shortHash } from '../api/names.ts';
import { fingerprint } from './fingerprint.ts';
import { podTemplateOf } from './pod.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { type InjectionRecord, readRecord } from './record.ts';

/*
 * What was put in is not what stands there: the API server fills in defaults, and another webhook may have its say (a mirror for the
 * image, for one). So the operator learns what became of it, in an annotation of the workload's metadata, and only what differs from
 * that later was changed by somebody. What it learnt is about one injection, as the record of it says, and with the next one it is void.
 */

/**
 * The value of the annotation `stash.appscode.com/injected-state` for `workload` as it stands; undefined where nothing is in it.
 *
 * @param workload - as the API server returned it
 */
export function stateOf(workload: object): string | undefined {
  const template = podTemplateOf(workload);
  const annotations = rawOf(rawOf(template?.metadata).annotations);
  const record = readRecord(annotations);
  if (template === undefined || record === undefined) return undefined;
  return `${recordPrint(annotations)}.${partsPrint(template, record)}`;
}

/** What was learnt of the injection that is in `workload`; undefined where nothing was learnt of it yet. */
export function learntOf(workload: object): string | undefined {
  const learnt = rawOf(rawOf(rawOf(workload).metadata).annotations)[LEARNT_ANNOTATION];
  const annotations = rawOf(rawOf(podTemplateOf(workload)?.metadata).annotations);
  if (typeof learnt !== 'string' || annotations[INJECTED_ANNOTATION] === undefined) return undefined;
  return learnt.startsWith(`${recordPrint(annotations)}.`) ? learnt : undefined;
}

/** Whether somebody changed what was put into `workload`. */
export function hasDrifted(workload: object): boolean {
  const learnt = learntOf(workload);
  return learnt !== undefined && learnt !== stateOf(workload);
}

/** The fingerprint of all that `record` names in `template`. */
export function partsPrint(
  template: Raw,
  record: Pick<InjectionRecord, 'containers' | 'initContainers' | 'volumes'>,
): string {
  const spec = rawOf(template.spec);
  const named = (field: 'containers' | 'initContainers' | 'volumes') =>
    rawsOf(spec[field]).filter(({ name }) => typeof name === 'string' && record[field].includes(name));
  return fingerprint([named('containers'), named('initContainers'), named('volumes')]);
}

/** Of the record among `annotations` of a pod template, which tells one injection from another. */
export function recordPrint(annotations: Raw): string {
  return shortHash(String(annotations[INJECTED_ANNOTATION]), 16);
}
