import { stringify } from 'yaml';
import type { AppBinding } from '../api/app-binding.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
import type { FunctionObject } from '../api/function.ts';
import { ONLY_HOST } from '../api/hosts.ts';
import {
  APP_BINDING,
  BACKUP_CONFIGURATION,
  FUNCTION,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
  TASK,
} from '../api/kinds.ts';
import type { KubernetesObject } from '../api/object.ts';
import { quoted } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import type { Task } from '../api/task.ts';
import { claimUserOf } from '../injection/claim-user.ts';
import { podTemplateOf } from '../injection/pod.ts';
import { storageOf } from '../restic/storage.ts';
import { askedBy } from '../tasks/asked.ts';
import { problemsOfTaskWith } from '../tasks/check.ts';
import { type JobOptions, jobOf } from '../tasks/job.ts';
import { findNamed, kebab } from '../tasks/names.ts';
import type { TaskProblem } from '../tasks/problem.ts';
import type { TaskRun } from '../tasks/run.ts';
import { readContent, type Source, splitDocuments } from './documents.ts';
import { notInInput } from './inventory.ts';
import { type ManifestObject, objectsOf, placeOf, placeOfObject, type Refusal } from './objects.ts';
import { findOwn } from './own-objects.ts';

/** A Function or a Task that comes with the operator. */
export interface CatalogObject {
  kind: string;
  metadata: { name: string };
}

export interface RenderedJobs {
  /** The Jobs as YAML, one document each, in the order of what asks for them. */
  text: string;
  /** Whatever keeps a Job from being made. Where there is anything, `text` is empty. */
  refusals: Refusal[];
  warnings: Refusal[];
}

/**
 * The Job that each BackupConfiguration and RestoreSession with a task in `sources` would run. Tasks and Functions are those of the
 * input, or else of `catalog`; a Task of the input that nobody names is looked at too.
 *
 * A backup is that of a session as the schedule makes it, due at instant 0. Who has a claim mounted is known from the workloads in the
 * input; on which node they run, from nothing.
 *
 * @param namespace - of objects that name none
 */
export function renderJobs(
  sources: readonly Source[],
  namespace: string,
  catalog: readonly CatalogObject[],
  options: JobOptions,
): RenderedJobs {
  const refusals: Refusal[] = [];
  const objects: ManifestObject[] = [];
  for (const document of sources.flatMap(splitDocuments)) {
    const content = readContent(document.body);
    if (content.format === 'empty') continue;
    if (content.format === 'unreadable') {
      refusals.push({ where: placeOf(document), path: '', message: `cannot be read: ${content.message}` });
      continue;
    }
    const inDocument = objectsOf(document, content.value);
    refusals.push(...inDocument.refusals);
    objects.push(...inDocument.objects);
  }
  const found = findOwn(objects, namespace);
  const asking = found.own.filter(isAsking);
  const named = new Set<string>();
  const jobs = asking.flatMap((object) => jobFor(object) ?? []);
  for (const object of found.own) {
    if (object.kind !== TASK.kind || named.has(object.name)) continue;
    const task = object.raw as unknown as Task;
    for (const { path, message } of problemsOfTaskWith(task, functionNear(object))) {
      refusals.push({ where: placeOfObject(object), path, message });
    }
  }
  const all = withoutTwins([...refusals, ...found.refusals]);
  const text =
    all.length > 0
      ? ''
      : jobs.map((job) => stringify(job, { version: '1.1', aliasDuplicateObjects: false })).join('---\n');
  return { text, refusals: all, warnings: found.warnings };

  function jobFor(object: ManifestObject): object | undefined {
    const { spec } = object.raw as unknown as BackupConfiguration | RestoreSession;
    const task = taskNear(object, spec.task?.name ?? '');
    const repository = inInput<Repository>(object, REPOSITORY, 'spec.repository.name', spec.repository.name);
    const ref = spec.target?.ref;
    const isBinding = ref?.kind === APP_BINDING.kind;
    const appBinding = isBinding
      ? inInput<AppBinding>(object, APP_BINDING, 'spec.target.ref', ref.name)
      : undefined;
    if (task === undefined || repository === undefined) return undefined;
    if (isBinding && appBinding === undefined) return undefined;
    const isBackup = object.kind === BACKUP_CONFIGURATION.kind;
    const claimUser = ref?.kind === 'PersistentVolumeClaim' ? userOf(object, ref.name, isBackup) : undefined;
    const run: TaskRun = {
      session: {
        kind: isBackup ? 'BackupSession' : 'RestoreSession',
        name: isBackup ? `${object.name}-0` : object.name,
        namespace: found.namespaceOf(object),
      },
      task,
      functionNamed: functionNear(object),
      ...askedBy(spec),
      ...(claimUser !== undefined && { claimUser }),
      ...(appBinding !== undefined && { appBinding: placed(object, appBinding) }),
      repository: placed(object, repository),
      storage: storageOf(repository),
      hostname: ONLY_HOST,
    };
    const { job, problems } = jobOf(run, { ...options, secondsLeft: parseDuration(spec.timeout) / 1000 });
    refusals.push(...problems.map((problem) => refusalOf(object, problem)));
    return job;
  }

  function taskNear(object: ManifestObject, name: string): Task | undefined {
    const task = findNamed(name, (each) => {
      const own = found.named(object, TASK, each);
      if (own !== undefined) named.add(own.name);
      return (own?.raw as Task | undefined) ?? inCatalog<Task>(TASK, each);
    });
    const isWrong = found.isThere(object, TASK, name) || found.isThere(object, TASK, kebab(name));
    if (task === undefined && !isWrong) {
      const message = `there is no Task ${quoted(name)} in the input or the catalog; give the file that it stands in too, or correct the name`;
      refusals.push({ where: placeOfObject(object), path: 'spec.task.name', message });
    }
    return task;
  }

  function functionNear(object: ManifestObject): TaskRun['functionNamed'] {
    return (name) =>
      (found.named(object, FUNCTION, name)?.raw as FunctionObject | undefined) ??
      inCatalog<FunctionObject>(FUNCTION, name);
  }

  function inCatalog<T extends KubernetesObject>({ kind }: Kind, name: string): T | undefined {
    return catalog.find((one) => one.kind === kind && one.metadata.name === name) as unknown as T | undefined;
  }

  function inInput<T>(object: ManifestObject, kind: Kind, path: string, name: string): T | undefined {
    const one = found.named(object, kind, name);
    if (one === undefined && !found.isThere(object, kind, name)) {
      refusals.push(notInInput(object, path, kind.kind, name, found.namespaceOf(object)));
    }
    return one?.raw as T | undefined;
  }

  /** `other` of the same namespace as `object`, which either may leave out. */
  function placed<T extends KubernetesObject>(object: ManifestObject, other: T): T {
    return { ...other, metadata: { ...other.metadata, namespace: found.namespaceOf(object) } };
  }

  function userOf(object: ManifestObject, claim: string, isBackup: boolean): TaskRun['claimUser'] {
    return found.workloads
      .filter((workload) => found.namespaceOf(workload) === found.namespaceOf(object))
      .map(({ raw }) => claimUserOf(podTemplateOf(raw) ?? {}, claim, isBackup ? 'backup' : 'restore'))
      .find((user) => user !== undefined);
  }

  /** Where what is wrong stands: in the object that asks, in another of the input, or in the catalog. */
  function refusalOf(object: ManifestObject, { subject, name, path, message }: TaskProblem): Refusal {
    const kinds = [FUNCTION, TASK, APP_BINDING, REPOSITORY];
    const kind = kinds.find((each) => each.kind === subject);
    if (kind === undefined) return { where: placeOfObject(object), path, message };
    const own = found.named(object, kind, name);
    if (own !== undefined) return { where: placeOfObject(own), path, message };
    return {
      where: placeOfObject(object),
      path: '',
      message: `${subject} ${quoted(name)}, ${path}: ${message}`,
    };
  }
}

/** Whether a Job would be made for `object` of our kinds, sooner or later. */
function isAsking({ kind, raw }: ManifestObject): boolean {
  if (kind !== BACKUP_CONFIGURATION.kind && kind !== RESTORE_SESSION.kind) return false;
  const object = raw as unknown as BackupConfiguration | RestoreSession;
  if (object.spec.task === undefined || object.metadata.deletionTimestamp !== undefined) return false;
  return kind !== RESTORE_SESSION.kind || !isOver(object as RestoreSession);
}

/** Several objects may name one Function, whose mistake is one. */
function withoutTwins(refusals: Refusal[]): Refusal[] {
  const textOf = ({ where, path, message }: Refusal) => JSON.stringify([where, path, message]);
  return [...new Map(refusals.map((refusal) => [textOf(refusal), refusal])).values()].toSorted((a, b) =>
    a.where.localeCompare(b.where, 'en', { numeric: true }),
  );
}
