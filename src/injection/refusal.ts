import { INJECTED_ANNOTATION, REFUSED_ANNOTATION } from '../api/annotations.ts';
import { templateFingerprint } from './defaults.ts';
import { recordPrint } from './drift.ts';
import { fingerprint } from './fingerprint.ts';
import { podTemplateOf } from './pod.ts';
import { type InjectionProblem, TARGET_FIELD } from './problem.ts';
import { isRaw, type Raw, rawOf } from './raw.ts';
import { readRecord } from './record.ts';
import type { DirectoriesWanted, InjectionOptions, Wanted } from './wanted.ts';

/*
 * A LimitRange, a quota or another admission check may refuse a pod for what was put into it, and that shows only once the old pods are
 * gone. The operator then marks the workload, and what the mark names is left out of it until something has changed. The mark is on the
 * workload itself, since the webhook asks nobody.
 */

/** What the annotation `stash.appscode.com/refused` says. */
export interface Refusal {
  /** The workload, its owner's template and the installation: where any of them is another, the mark is void. */
  readonly circumstances: string;
  /** The injection that was refused, by its record. */
  readonly injection: string;
  /** What is left out: see `edition` in {@link DirectoriesWanted}. */
  readonly leftOut: readonly string[];
  /** What the API server said of the pods. */
  readonly message: string;
}

/** An annotation is no place for more. */
const LONGEST_MESSAGE = 1_000;

/** The mark on `workload`; undefined where there is none that can be read. */
export function readRefusal(workload: object): Refusal | undefined {
  const text = markOn(workload);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isRaw(value)) return undefined;
    const { circumstances, injection, leftOut, message } = value;
    if (typeof circumstances !== 'string' || typeof injection !== 'string') return undefined;
    if (typeof message !== 'string' || !Array.isArray(leftOut)) return undefined;
    return {
      circumstances,
      injection,
      leftOut: leftOut.filter((each) => typeof each === 'string'),
      message,
    };
  } catch {
    return undefined;
  }
}

/**
 * The mark for `workload`, whose pods are refused as it stands; what an earlier mark leaves out stays out.
 *
 * @param editions - what is to be left out
 * @param message - what the API server said
 */
export function writeRefusal(
  workload: object,
  editions: readonly string[],
  message: string,
  options: InjectionOptions,
): string {
  const circumstances = circumstancesNow(workload, options);
  const earlier = readRefusal(workload);
  const before = earlier?.circumstances === circumstances ? earlier.leftOut : [];
  return JSON.stringify({
    circumstances,
    injection: recordPrint(templateAnnotations(workload)),
    leftOut: [...new Set([...before, ...editions])],
    message: message.slice(0, LONGEST_MESSAGE),
  } satisfies Refusal);
}

/** Whether what was refused is still in `workload`, and has to go, whatever else is wanted. */
export function isRefused(workload: object): boolean {
  const annotations = templateAnnotations(workload);
  if (annotations[INJECTED_ANNOTATION] === undefined) return false;
  return readRefusal(workload)?.injection === recordPrint(annotations);
}

/** Whether `workload` has a mark that leaves nothing out any more. @param editions - of all that is about the workload */
export function isVoid(workload: object, editions: readonly string[], options: InjectionOptions): boolean {
  if (markOn(workload) === undefined || isRefused(workload)) return false;
  const refusal = readRefusal(workload);
  if (refusal?.circumstances !== circumstancesNow(workload, options)) return true;
  return !editions.some((edition) => refusal.leftOut.includes(edition));
}

const ADVICE: Record<InjectionProblem['subject'], string> = {
  BackupConfiguration:
    'make room for it, or set spec.runtimeSettings.container.resources; it is tried again once the BackupConfiguration changes, or the pod template does (kubectl rollout restart)',
  RestoreSession: 'make room for it, and create another RestoreSession',
};

/**
 * `wanted` without what the mark on `workload` leaves out, and why.
 *
 * @param ownPrint - the fingerprint of the owner's template
 */
export function leaveOut(
  workload: Raw,
  ownPrint: string,
  wanted: Wanted,
  options: InjectionOptions,
): { wanted: Wanted; problems: InjectionProblem[] } {
  const refusal = readRefusal(workload);
  if (refusal?.circumstances !== circumstancesOf(workload, ownPrint, options))
    return { wanted, problems: [] };
  const isLeftOut = ({ edition }: DirectoriesWanted) =>
    edition !== undefined && refusal.leftOut.includes(edition);
  const problemsOf = (subject: InjectionProblem['subject'], list: readonly DirectoriesWanted[]) =>
    list.filter(isLeftOut).map(({ name }): InjectionProblem => {
      const message = `its pods could not be created with an agent in them, so that it was taken out again: ${refusal.message}; ${ADVICE[subject]}`;
      return { subject, name, reason: 'PodsRefused', path: TARGET_FIELD, message };
    });
  return {
    wanted: {
      backups: wanted.backups.filter((each) => !isLeftOut(each)),
      restores: wanted.restores.filter((each) => !isLeftOut(each)),
    },
    problems: [
      ...problemsOf('BackupConfiguration', wanted.backups),
      ...problemsOf('RestoreSession', wanted.restores),
    ],
  };
}

/**
 * `object` with the mark that was on it until now, where its owner wrote it whole and without: another try would take its pods away
 * again.
 */
export function carryRefusal<W extends object>(object: W, oldObject: object | undefined): W {
  const mark = oldObject && markOn(oldObject);
  if (mark === undefined) return object;
  const metadata = rawOf(rawOf(object).metadata);
  const annotations = { [REFUSED_ANNOTATION]: mark, ...rawOf(metadata.annotations) };
  // What is written whole need not say which object it is.
  const { uid } = rawOf(rawOf(oldObject).metadata);
  return { ...object, metadata: { ...metadata, uid, annotations } };
}

function circumstancesNow(workload: object, options: InjectionOptions): string {
  const template = podTemplateOf(workload);
  const record = readRecord(templateAnnotations(workload));
  const ownPrint = record?.template ?? (template === undefined ? '' : templateFingerprint(template));
  return circumstancesOf(rawOf(workload), ownPrint, options);
}

function circumstancesOf({ metadata }: Raw, ownPrint: string, options: InjectionOptions): string {
  // An upgrade changes the tag of the image, and is to restart nothing.
  const image = options.image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return fingerprint([rawOf(metadata).uid, ownPrint, { ...options, image }]);
}

function templateAnnotations(workload: object): Raw {
  return rawOf(rawOf(podTemplateOf(workload)?.metadata).annotations);
}

function markOn(workload: object): string | undefined {
  const mark = rawOf(rawOf(rawOf(workload).metadata).annotations)[REFUSED_ANNOTATION];
  return typeof mark === 'string' ? mark : undefined;
}
