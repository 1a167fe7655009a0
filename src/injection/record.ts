import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { isReservedVolume, RESTORE, SIDECAR } from './layout.ts';
import { isRaw, rawOf } from './raw.ts';

/**
 * What an injection put into a pod template, and from what: the value of the annotation `stash.appscode.com/injected`. The next
 * injection takes out what is named here and nothing else.
 */
export interface InjectionRecord {
  readonly containers: readonly string[];
  readonly initContainers: readonly string[];
  readonly volumes: readonly string[];
  readonly imagePullSecrets: readonly string[];
  /** The BackupConfigurations that the sidecar serves. */
  readonly backups: readonly string[];
  /** What each of them is served with, in the same order: see `servedPrint`. */
  readonly backupsServed: readonly string[];
  /** The fingerprint of what each of them wants of the workload, in the same order; empty in a record of before these were written. */
  readonly backupsWishes: readonly string[];
  /** The fingerprint of all that they want. */
  readonly backupsWanted: string;
  /** The RestoreSessions that the init container serves. */
  readonly restores: readonly string[];
  readonly restoresServed: readonly string[];
  /** The fingerprint of the parts, as they were put in: a part that is made anew in another form makes another record. */
  readonly parts: string;
  /** The fingerprint of the user's template. */
  readonly template: string;
  /** How the fields were that had to be made: on removal they are so again. */
  readonly before: ReadonlyMap<MadeField, 'absent' | 'null'>;
}

export const MADE_FIELDS = [
  'metadata',
  'annotations',
  'initContainers',
  'volumes',
  'imagePullSecrets',
] as const;
export type MadeField = (typeof MADE_FIELDS)[number];

/** What the annotations of an object may have together (Kubernetes, "Annotations"). */
const LONGEST = 256 * 1024;

export function writeRecord(record: InjectionRecord): string {
  return JSON.stringify({ ...record, before: Object.fromEntries(record.before) });
}

/**
 * The record among the annotations of a pod template, or of a pod made from one; undefined where there is none that can be read.
 *
 * It may have been copied or edited, and what it names is taken out, so names that are not reserved are passed over.
 */
export function readRecord(annotations: unknown): InjectionRecord | undefined {
  const annotation = rawOf(annotations)[INJECTED_ANNOTATION];
  if (typeof annotation !== 'string' || annotation.length > LONGEST) return undefined;
  const value = parse(annotation);
  if (!isRaw(value)) return undefined;
  const { containers, initContainers, volumes, imagePullSecrets } = value;
  const { backups, backupsServed, restores, restoresServed } = value;
  const lists = [
    containers,
    initContainers,
    volumes,
    imagePullSecrets,
    backups,
    backupsServed,
    restores,
    restoresServed,
  ];
  if (!lists.every(isTexts) || !isTextMap(value.before)) return undefined;
  const { backupsWanted, parts, template, before } = value;
  if (typeof backupsWanted !== 'string' || typeof template !== 'string') return undefined;
  return {
    containers: named(containers).filter((name) => name === SIDECAR),
    initContainers: named(initContainers).filter((name) => name === SIDECAR || name === RESTORE),
    volumes: named(volumes).filter(isReservedVolume),
    imagePullSecrets: named(imagePullSecrets),
    backups: named(backups),
    restores: named(restores),
    backupsServed: named(backupsServed),
    backupsWishes: named(value.backupsWishes),
    backupsWanted,
    restoresServed: named(restoresServed),
    parts: typeof parts === 'string' ? parts : '',
    template,
    before: new Map(
      MADE_FIELDS.flatMap((field): [MadeField, 'absent' | 'null'][] => {
        const was = Object.hasOwn(before, field) ? before[field] : undefined;
        return was === 'absent' || was === 'null' ? [[field, was]] : [];
      }),
    ),
  };
}

/** Whether a pod with this record serves what `served` stands for, and not what it was before. */
export function isServed(
  record: InjectionRecord | undefined,
  role: 'backup' | 'restore',
  served: string,
): boolean {
  const list = role === 'backup' ? record?.backupsServed : record?.restoresServed;
  return list?.includes(served) === true;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function named(list: unknown): string[] {
  return isTexts(list) ? list : [];
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRaw(value) && Object.values(value).every((each) => typeof each === 'string');
}
