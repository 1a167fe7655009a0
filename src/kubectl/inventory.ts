import { GROUP } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import {
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  KINDS,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
} from '../api/kinds.ts';
import { quoted } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { isSupported } from '../injection/pod.ts';
import type { DirectoriesWanted, Wanted } from '../injection/wanted.ts';
import { wantedBy } from '../injection/wanted-by.ts';
import { nameIsSubdomain } from '../rules/names.ts';
import { problemsOf } from '../rules/object.ts';
import { type ManifestObject, placeOfObject, type Refusal } from './objects.ts';

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
  const refusals: Refusal[] = [];
  const warnings: Refusal[] = [];
  const seen = new Map<string, ManifestObject>();
  const keyOf = (object: ManifestObject, kind = object.kind, name = object.name) =>
    `${object.namespace ?? namespace}/${kind}/${name}`;
  const refuse = (object: ManifestObject, path: string, message: string) =>
    refusals.push({ where: placeOfObject(object), path, message });

  const ofOurs = new Map<string, ManifestObject>();
  const workloads: ManifestObject[] = [];
  for (const object of objects) {
    const kind = kindOf(object);
    if (kind === undefined && !isSupported(object.raw)) {
      refuseUnknownVersion(object);
      continue;
    }
    if (object.name === '') {
      // What is named as it is created is nobody's target, and a session that is created at once needs no other object.
      if (kind !== undefined && kind !== BACKUP_SESSION) {
        refuse(object, 'metadata.name', 'is missing; a name is what the injected container knows it by');
      }
      continue;
    }
    const first = seen.get(keyOf(object));
    if (first !== undefined) {
      refuse(
        object,
        'metadata.name',
        `${quoted(object.name)} stands in ${placeOfObject(first)} already; take one of them out, or rename it`,
      );
      continue;
    }
    seen.set(keyOf(object), object);
    if (kind === undefined) workloads.push(object);
    else if (isValid(object, kind)) ofOurs.set(keyOf(object), object);
  }

  const claimants: Claimant[] = [...ofOurs.values()].flatMap((object) => {
    if (object.kind !== BACKUP_CONFIGURATION.kind && object.kind !== RESTORE_SESSION.kind) return [];
    const typed = object.raw as unknown as BackupConfiguration | RestoreSession;
    if (typed.metadata.deletionTimestamp !== undefined) return [];
    if (object.kind === RESTORE_SESSION.kind && isOver(typed as RestoreSession)) return [];
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
    subjectOf: (workload, kind, name) => ofOurs.get(keyOf(workload, kind, name)),
  };

  function refuseUnknownVersion(object: ManifestObject): void {
    const known = KINDS.find(({ kind }) => kind === object.kind && object.apiVersion.startsWith(`${GROUP}/`));
    if (known === undefined) return;
    refuse(object, 'apiVersion', `${quoted(object.apiVersion)} is not known; write ${apiVersionOf(known)}`);
  }

  /** What is refused here is what the API server and the webhook would refuse. */
  function isValid(object: ManifestObject, kind: Kind): boolean {
    const found = structuredClone(object.raw);
    const { problems, warnings: advice } = problemsOf(kind, found);
    const named = nameIsSubdomain('metadata.name', () => object.name)(undefined);
    for (const { path, message } of [...named, ...problems]) refuse(object, path, message);
    for (const { path, message } of advice) warnings.push({ where: placeOfObject(object), path, message });
    if (named.length + problems.length > 0) return false;
    object.raw = found;
    return true;
  }

  function claim(
    object: ManifestObject,
    typed: BackupConfiguration | RestoreSession,
  ): DirectoriesWanted | undefined {
    const { name } = typed.spec.repository;
    const repository = ofOurs.get(keyOf(object, REPOSITORY.kind, name));
    if (repository !== undefined) return wantedBy(typed, repository.raw as unknown as Repository);
    // One that is there and wrong is told of already.
    if (seen.has(keyOf(object, REPOSITORY.kind, name))) return undefined;
    refuse(
      object,
      'spec.repository.name',
      `there is no Repository ${quoted(name)} of the namespace ${quoted(object.namespace ?? namespace)} in the input; give the file that it stands in too`,
    );
    return undefined;
  }
}

function kindOf({ apiVersion, kind }: ManifestObject): Kind | undefined {
  return KINDS.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}
