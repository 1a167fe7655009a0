import { TOKEN_PATH, TOKEN_VOLUME } from '../api/agent-pod.ts';
import type { VolumeMount } from '../api/function-settings.ts';
import { localMountPath } from '../api/local-backend.ts';
import { quoted } from '../api/problem.ts';
import { secretDirectory } from './environment.ts';
import { CLAIM_VOLUME, OUTPUT_DIR, REPOSITORY_VOLUME, SECRET_VOLUME, TEMPORARY_VOLUME } from './layout.ts';
import type { TaskRun } from './run.ts';
import type { Value, VolumeRole } from './values.ts';

type Raw = Record<string, unknown>;

/** Any user may read: nothing but the steps mounts it. */
const READABLE_BY_ALL = 0o444;

const VOLUMES: Record<VolumeRole, string> = {
  temporary: TEMPORARY_VOLUME,
  claim: CLAIM_VOLUME,
  secret: SECRET_VOLUME,
};

export interface MountedStep {
  volumeMounts: VolumeMount[];
  problems: { path: string; message: string }[];
}

/** The volumes that a pod of `run` may mount, by name. */
export function volumesOf(run: TaskRun): Map<string, Raw> {
  const { storageSecretName } = run.repository.spec.backend;
  const volumes = new Map<string, Raw>([
    [TEMPORARY_VOLUME, { emptyDir: {} }],
    // Optional, so that it is told at once that it is missing: a pod would wait for it.
    [
      SECRET_VOLUME,
      { secret: { secretName: storageSecretName, optional: true, defaultMode: READABLE_BY_ALL } },
    ],
  ]);
  const claimName = claimOf(run);
  if (claimName !== undefined) volumes.set(CLAIM_VOLUME, { persistentVolumeClaim: { claimName } });
  const source = localSource(run);
  if (source !== undefined && repositoryVolume(run) === REPOSITORY_VOLUME)
    volumes.set(REPOSITORY_VOLUME, source);
  return volumes;
}

/**
 * The mounts of a step: those that its Function asks for, and what every step has: the storage Secret, the volume of a `local`
 * repository, and the temporary volume where all steps look for it.
 *
 * @param names - the value of the name of each mount
 * @param open - fields of which nothing can be said yet
 */
export function mountsOf(
  run: TaskRun,
  asked: readonly VolumeMount[],
  names: readonly Value[],
  open: ReadonlySet<string>,
): MountedStep {
  const problems: MountedStep['problems'] = [];
  const volumeMounts = asked.flatMap((mount, index) => {
    const path = `spec.volumeMounts[${index}].name`;
    const role = names[index]?.volume ?? rolesNamed(run, mount.name);
    if (typeof role !== 'string') {
      if (!open.has(path)) problems.push({ path, message: role.fault });
      return [];
    }
    // A backup reads: what it cannot write, it cannot harm.
    const isReadOnly = role === 'secret' || (role === 'claim' && run.session.kind === 'BackupSession');
    return [{ ...mount, name: VOLUMES[role], ...(isReadOnly && { readOnly: true }) }];
  });
  const own = ownMounts(run).filter(
    ({ name, mountPath }) =>
      !volumeMounts.some((mount) => mount.name === name && normal(mount.mountPath) === mountPath),
  );
  const taken = [...own, { name: TOKEN_VOLUME, mountPath: TOKEN_PATH }];
  for (const [index, mount] of asked.entries()) {
    const clash = taken.find(({ mountPath }) => mountPath === normal(mount.mountPath));
    if (clash === undefined) continue;
    const message = `${quoted(mount.mountPath)} is where every step has the volume ${clash.name}; choose another path`;
    problems.push({ path: `spec.volumeMounts[${index}].mountPath`, message });
  }
  return { volumeMounts: [...volumeMounts, ...own], problems };
}

/** What every step has, whatever its Function says. */
export function ownMounts(run: TaskRun): VolumeMount[] {
  const { repository } = run;
  const own: VolumeMount[] = [
    { name: TEMPORARY_VOLUME, mountPath: OUTPUT_DIR },
    { name: SECRET_VOLUME, mountPath: secretDirectory(repository.metadata.name), readOnly: true },
  ];
  if (localSource(run) !== undefined) {
    own.push({ name: repositoryVolume(run), mountPath: normal(localMountPath(repository)) });
  }
  return own;
}

function rolesNamed(run: TaskRun, name: string): VolumeRole | { fault: string } {
  const { storageSecretName } = run.repository.spec.backend;
  const roles: [VolumeRole, string | undefined][] = [
    ['temporary', TEMPORARY_VOLUME],
    ['claim', claimOf(run)],
    ['secret', storageSecretName],
  ];
  const found = roles.filter(([, known]) => known !== undefined && known !== '' && known === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only[0];
  if (found.length > 1) {
    return {
      fault: `${quoted(name)} is both the claim and the storage Secret; write \${target.name} or \${secretName}`,
    };
  }
  const claim = claimOf(run);
  const named = [TEMPORARY_VOLUME, ...(claim === undefined ? [] : [claim]), storageSecretName];
  return {
    fault: `${quoted(name)} names no volume; there are ${named.join(', ')}, as \${tmpVolumeName}, \${target.name} of a PersistentVolumeClaim, and \${secretName}`,
  };
}

function claimOf({ target }: TaskRun): string | undefined {
  return target?.ref.kind === 'PersistentVolumeClaim' ? target.ref.name : undefined;
}

/** The source of the volume that a `local` repository is on. */
function localSource({ repository }: TaskRun): Raw | undefined {
  const local: Raw | undefined = repository.spec.backend.local;
  if (local === undefined) return undefined;
  const { mountPath: _, subPath: __, ...source } = local;
  return source;
}

/** A pod with two volumes of one claim may wait for the second for ever (kubernetes/kubernetes#82526). */
function repositoryVolume(run: TaskRun): string {
  const { claimName } = (localSource(run)?.persistentVolumeClaim ?? {}) as { claimName?: string };
  return claimName !== undefined && claimName === claimOf(run) ? CLAIM_VOLUME : REPOSITORY_VOLUME;
}

/** A mountPath without the slashes that say nothing. */
function normal(path: string): string {
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
