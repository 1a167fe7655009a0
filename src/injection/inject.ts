import { tokenVolume } from '../api/agent-pod.ts';
import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { quoted } from '../api/problem.ts';
import { excessOf } from './bounds.ts';
import { canonical } from './canonical.ts';
import { restoreFor, sidecarFor } from './containers.ts';
import { templateFingerprint } from './defaults.ts';
import { hasDrifted } from './drift.ts';
import { RESTORE_SCRATCH_VOLUME, SIDECAR_SCRATCH_VOLUME } from './layout.ts';
import { type Part, type Plan, plan, refuseAll } from './plan.ts';
import { isSupported, malformedField, type Pod, podOf, podTemplateOf, withPodTemplate } from './pod.ts';
import type { InjectionProblem } from './problem.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import { type InjectionRecord, readRecord } from './record.ts';
import { isRefused, leaveOut } from './refusal.ts';
import { volumesOf } from './repositories.ts';
import { hasNestedData } from './room.ts';
import { hasParts, isWhole, type Parts, putIn, takeOut } from './template.ts';
import type { InjectionOptions, Wanted } from './wanted.ts';

export interface InjectionResult<W extends object = Raw> {
  /** The very object that was given, where nothing is changed. What is given is never written to. */
  workload: W;
  changed: boolean;
  /** Each that is wanted and was left out, with what is wrong; the others are in. */
  problems: InjectionProblem[];
}

/**
 * `workload` with what is wanted, and without what an earlier injection put in and is wanted no more.
 *
 * What stands there stays, image and all, while the user's template and the wanted backups are as they were, every wanted
 * restore is in, and nobody has changed what was put in ({@link hasDrifted}): neither an upgrade of the operator nor the end of a restore restarts anything. It never throws, whatever
 * `workload` is.
 *
 * @param workload - whole, as the API server sent it: a field that is missing would be taken for one that the user took out
 */
export function inject<W extends object>(
  workload: W,
  wanted: Wanted,
  options: InjectionOptions,
): InjectionResult<W> {
  const raw: Raw = rawOf(workload);
  const template = podTemplateOf(raw);
  const annotations = rawOf(rawOf(template?.metadata).annotations);
  const nothingWanted = wanted.backups.length === 0 && wanted.restores.length === 0;
  if (nothingWanted && annotations[INJECTED_ANNOTATION] === undefined) return same(workload);

  const refusal = refuse(raw, template, wanted);
  if (refusal !== undefined || template === undefined) return same(workload, refusal);

  const record = readRecord(annotations);
  const own = record === undefined ? template : usersTemplate(template, record, options);
  const pod = podOf(own, raw);
  const ownPrint = templateFingerprint(own);
  const due = leaveOut(raw, ownPrint, wanted, options);
  const planned = plan(pod, due.wanted);
  const problems = [...planned.problems, ...due.problems];
  const isToStand =
    record !== undefined &&
    stands(record, template, planned, ownPrint, isRefused(raw), wanted.kept) &&
    !hasDrifted(workload);
  if (isToStand) return same(workload, problems);
  if (planned.backups.names.length === 0 && planned.restores.names.length === 0) {
    const hasRemains = record !== undefined && hasParts(template, record);
    return hasRemains ? changed(raw, own, problems) : same(workload, problems);
  }
  return changed(raw, putIn(own, partsFor(pod, planned, ownPrint, options)), problems);
}

/**
 * `workload` with what was in `before`, the same workload until now, where its owner wrote it whole and unchanged: as `kubectl replace`
 * and many other tools do, which know nothing of what was put in. Put in anew, it would have another image after an upgrade of the
 * operator, and be rolled out.
 *
 * @param options - as {@link inject} takes them
 */
export function resume<W extends object>(workload: W, before: object, options: InjectionOptions): W {
  const template = podTemplateOf(workload);
  const known = podTemplateOf(before);
  const record = readRecord(rawOf(known?.metadata).annotations);
  if (template === undefined || known === undefined || record === undefined) return workload;
  if (rawOf(rawOf(template.metadata).annotations)[INJECTED_ANNOTATION] !== undefined) return workload;
  const own = usersTemplate(known, record, options);
  if (templateFingerprint(own) !== templateFingerprint(template)) return workload;
  return withPodTemplate(rawOf(workload), known) as W;
}

/**
 * `workload` as its owner wrote it: without anything that an injection put in, an init container whose restore is over included.
 *
 * @param options - as {@link inject} takes them
 */
export function remove<W extends object>(workload: W, options: InjectionOptions): InjectionResult<W> {
  const raw: Raw = rawOf(workload);
  const template = podTemplateOf(raw);
  const record = readRecord(rawOf(template?.metadata).annotations);
  if (template === undefined || record === undefined || !hasParts(template, record)) return same(workload);
  return changed(raw, usersTemplate(template, record, options), []);
}

function same<W extends object>(workload: W, problems: InjectionProblem[] = []): InjectionResult<W> {
  return { workload, changed: false, problems };
}

/** With another pod template, a workload is of the type that it was. */
function changed<W extends object>(
  raw: Raw,
  template: Raw,
  problems: InjectionProblem[],
): InjectionResult<W> {
  return { workload: withPodTemplate(raw, template) as W, changed: true, problems };
}

function refuse(workload: Raw, template: Raw | undefined, wanted: Wanted): InjectionProblem[] | undefined {
  if (!isSupported(workload)) {
    const { apiVersion, kind } = workload;
    const message = `nothing is put into a ${quoted(kind)} of ${quoted(apiVersion)}; only a Deployment, StatefulSet or DaemonSet of apps/v1 can be a target`;
    return refuseAll(wanted, 'UnsupportedWorkload', message);
  }
  const malformed = malformedField(template);
  if (malformed !== undefined) {
    const message = `${malformed} of the workload is not what Kubernetes has there`;
    return refuseAll(wanted, 'MalformedWorkload', message);
  }
  const isWanted = wanted.backups.length > 0 || wanted.restores.length > 0;
  const excess = isWanted && template !== undefined ? excessOf(template) : undefined;
  if (excess === undefined) return undefined;
  return refuseAll(wanted, 'WorkloadTooLarge', `nothing is put into the workload: ${excess}`);
}

/**
 * `template` as the user wrote it. A pull secret may go where the record is known to be this template's, or where the secret is
 * the installation's; in a copied record, the name may be that of a secret of the user's.
 */
function usersTemplate(template: Raw, record: InjectionRecord, { imagePullSecrets }: InjectionOptions): Raw {
  const own = takeOut(template, record, () => true);
  const isCertain =
    record.imagePullSecrets.every((name) => imagePullSecrets.includes(name)) ||
    templateFingerprint(own) === record.template;
  return isCertain ? own : takeOut(template, record, (name) => imagePullSecrets.includes(name));
}

/** Whether what is in is what is wanted. A restore that is over may stay until the next change, unless pods are refused with it. */
function stands(
  record: InjectionRecord,
  template: Raw,
  { backups, restores }: Plan,
  ownPrint: string,
  arePodsRefused: boolean,
  kept: Wanted['kept'] = [],
): boolean {
  return (
    record.template === ownPrint &&
    (record.backupsWanted === backups.wanted || (!arePodsRefused && differOnlyIn(kept, record, backups))) &&
    restores.served.every((print) => record.restoresServed.includes(print)) &&
    (!arePodsRefused || record.restoresServed.every((print) => restores.served.includes(print))) &&
    isWhole(template, record)
  );
}

/** Whether all that is in and is not in `kept` is wanted as it is, and nothing else. */
function differOnlyIn(kept: readonly string[], record: InjectionRecord, { names, wishes }: Part): boolean {
  const rest = (list: readonly string[], prints: readonly string[]) =>
    list.flatMap((name, index) => (kept.includes(name) ? [] : [`${name} ${prints[index]}`])).sort();
  return canonical(rest(record.backups, record.backupsWishes)) === canonical(rest(names, wishes));
}

function partsFor(pod: Pod, { backups, restores }: Plan, ownPrint: string, options: InjectionOptions): Parts {
  const hasBackups = backups.names.length > 0;
  const hasRestores = restores.names.length > 0;
  // The mount point of a mount inside another is made when the user's container first starts, and a native sidecar would have to
  // start before it: the pod would wait for ever.
  const native = options.nativeSidecar && !hasNestedData(backups.room);
  const sidecar = hasBackups ? [sidecarFor(pod, backups, native, options)] : [];
  const repositories = [...backups.room.repositories.values(), ...restores.room.repositories.values()];
  const there = rawsOf(pod.raw.imagePullSecrets).map(({ name }) => name);
  return {
    containers: native ? [] : sidecar,
    firstInitContainers: hasRestores ? [restoreFor(pod, restores, options)] : [],
    // Last: what it asks for is not added to what the user's init containers ask for, a mesh's proxy is up before it, and it is
    // stopped before that one.
    lastInitContainers: native ? sidecar : [],
    volumes: [
      ...volumesOf(
        pod,
        repositories.map(({ repository }) => repository),
      ),
      ...(hasBackups ? [{ name: SIDECAR_SCRATCH_VOLUME, emptyDir: {} }] : []),
      ...(hasRestores ? [{ name: RESTORE_SCRATCH_VOLUME, emptyDir: {} }] : []),
      tokenVolume(),
    ],
    imagePullSecrets: [...new Set([...options.imagePullSecrets, ...backups.imagePullSecrets])]
      .filter((name) => !there.includes(name))
      .map((name) => ({ name })),
    sources: {
      backups: backups.names,
      backupsServed: backups.served,
      backupsWishes: backups.wishes,
      backupsWanted: backups.wanted,
      restores: restores.names,
      restoresServed: restores.served,
      template: ownPrint,
    },
  };
}
