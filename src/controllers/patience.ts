import { ON_NEXT_UPDATE_ANNOTATION } from '../api/annotations.ts';
import { rawOf } from '../injection/raw.ts';
import type { InjectionRecord } from '../injection/record.ts';
import type { Caches } from './caches.ts';

/*
 * A configuration with the rollout `OnNextUpdate` is no reason for a rollout, its end neither. What it said is gone with it, so it is
 * remembered on the workload: in its metadata, where writing rolls nothing out and follows what the configuration says by now.
 */

/** Whether the BackupConfiguration `name` waits for the next change of the owner of `workload`, or did while it was there. */
export function isPatient(
  caches: Pick<Caches, 'configurations'>,
  namespace: string,
  workload: object,
  name: string,
): boolean {
  const configuration = caches.configurations.get(`${namespace}/${name}`);
  if (configuration !== undefined) return configuration.spec.rollout === 'OnNextUpdate';
  return patienceOn(workload)?.split(',').includes(name) === true;
}

/** What is remembered on `workload`; undefined where nothing is. */
export function patienceOn(workload: object): string | undefined {
  const text = rawOf(rawOf(rawOf(workload).metadata).annotations)[ON_NEXT_UPDATE_ANNOTATION];
  return typeof text === 'string' ? text : undefined;
}

/** What is to be remembered on `workload`, which has what `record` says in it; undefined where nothing is. */
export function patienceOf(
  caches: Pick<Caches, 'configurations'>,
  namespace: string,
  workload: object,
  record: InjectionRecord | undefined,
): string | undefined {
  const patient = (record?.backups ?? []).filter((name) => isPatient(caches, namespace, workload, name));
  return patient.length === 0 ? undefined : patient.join(',');
}
