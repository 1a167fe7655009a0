import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { BACKUP_CONFIGURATION, KINDS, type Kind, REPOSITORY, RESTORE_SESSION } from '../api/kinds.ts';
import { quoted } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { isOfWorkload, type WorkloadBackup, type WorkloadRestore } from '../api/workload-target.ts';
import type { DirectoriesWanted, Wanted } from '../injection/wanted.ts';
import { wantedBy } from '../injection/wanted-by.ts';
import { type ManifestObject, placeOfObject, type Refusal } from './objects.ts';
import { findOwn } from './own-objects.ts';

/** What was found in the input, by what it means for injection. */
export interface Inventory {
  /** Those that may be somebody's target. */
  workloads: ManifestObject[];
  wantedFor(workload: ManifestObject): Wanted;
  /** The object that `name` is, for a problem of injection. */
  subjectOf(workload: ManifestObject, kind: string, name: string): ManifestObject | undefined;
  refusals: Refusal[];
  warnings: Refusal[];
}

interface Claimant {
  object: ManifestObject;
  target: string;
  wanted: DirectoriesWanted | undefined;
}

/** Whatever concerns one workload is in one namespace: `namespace` is that of what names none. */
export function takeInventory(objects: readonly ManifestObject[], namespace: string): Inventory {
  const found = findOwn(objects, namespace);
  const { workloads, refusals, warnings } = found;
  const keyOf = (object: ManifestObject, kind = object.kind, name = object.name) =>
    `${found.namespaceOf(object)}/${kind}/${name}`;

  const claimants: Claimant[] = found.own.flatMap((object) => {
    if (object.kind !== BACKUP_CONFIGURATION.kind && object.kind !== RESTORE_SESSION.kind) return [];
    const typed = object.raw as unknown as BackupConfiguration | RestoreSession;
    if (typed.metadata.deletionTimestamp !== undefined) return [];
    if (object.kind === RESTORE_SESSION.kind && isOver(typed as RestoreSession)) return [];
    // What has a task runs in a pod of its own.
    if (!isOfWorkload(typed)) return [];
    const { ref } = typed.spec.target;
    return [{ object, target: keyOf(object, ref.kind, ref.name), wanted: claim(object, typed) }];
  });
  const targets = new Set(workloads.map((workload) => keyOf(workload)));
  for (const { object, target } of claimants) {
    if (targets.has(target)) continue;
    const [, kind, name] = target.split('/');
    warnings.push({
      where: placeOfObject(object),
      path: 'spec.target.ref',
      message: `there is no ${kind} ${quoted(name)} in the input, so nothing is injected for it here`,
    });
  }

  return {
    workloads,
    refusals,
    warnings,
    wantedFor: (workload) => {
      const of = (kind: Kind) =>
        claimants
          .filter(({ object, target }) => object.kind === kind.kind && target === keyOf(workload))
          .flatMap(({ wanted }) => wanted ?? []);
      return { backups: of(BACKUP_CONFIGURATION), restores: of(RESTORE_SESSION) };
    },
    subjectOf: (workload, kind, name) => {
      const own = KINDS.find((each) => each.kind === kind);
      return own === undefined ? undefined : found.named(workload, own, name);
    },
  };

  function claim(
    object: ManifestObject,
    typed: WorkloadBackup | WorkloadRestore,
  ): DirectoriesWanted | undefined {
    const { name } = typed.spec.repository;
    const repository = found.named(object, REPOSITORY, name);
    if (repository !== undefined) return wantedBy(typed, repository.raw as unknown as Repository);
    // One that is there and wrong is told of already.
    if (found.isThere(object, REPOSITORY, name)) return undefined;
    refusals.push(notInInput(object, 'spec.repository.name', 'Repository', name, found.namespaceOf(object)));
    return undefined;
  }
}

/** That `path` of `object` names what is not in the input. */
export function notInInput(
  object: ManifestObject,
  path: string,
  kind: string,
  name: string,
  namespace: string,
): Refusal {
  const message = `there is no ${kind} ${quoted(name)} of the namespace ${quoted(namespace)} in the input; give the file that it stands in too`;
  return { where: placeOfObject(object), path, message };
}
