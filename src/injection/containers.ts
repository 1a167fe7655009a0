import { TOKEN_PATH, TOKEN_VOLUME } from '../api/agent-pod.ts';
import { agentEnvironment } from './environment.ts';
import { firstHolder } from './holders.ts';
import { RESTORE, RESTORE_SCRATCH_VOLUME, SCRATCH_PATH, SIDECAR, SIDECAR_SCRATCH_VOLUME } from './layout.ts';
import type { Part } from './plan.ts';
import type { Mount, Pod } from './pod.ts';
import type { Raw } from './raw.ts';
import { resourcesFor } from './resources.ts';
import { type Purpose, securityContextFor } from './security.ts';
import type { InjectionOptions } from './wanted.ts';

/** The container that backs up. Nothing in it changes with a schedule, a retention policy or a pause. */
export function sidecarFor(pod: Pod, part: Part, native: boolean, options: InjectionOptions): Raw {
  const args = ['agent', 'sidecar', ...part.names.map((name) => `--configuration=${name}`)];
  return {
    ...container(pod, part, 'backup', options, SIDECAR, args, SIDECAR_SCRATCH_VOLUME),
    ...(native && { restartPolicy: 'Always' }),
  };
}

/** The init container that restores. */
export function restoreFor(pod: Pod, part: Part, options: InjectionOptions): Raw {
  const args = ['agent', 'restore', ...part.names.map((name) => `--session=${name}`)];
  return container(pod, part, 'restore', options, RESTORE, args, RESTORE_SCRATCH_VOLUME);
}

function container(
  pod: Pod,
  { room, settings }: Part,
  purpose: Purpose,
  options: InjectionOptions,
  name: string,
  args: string[],
  scratch: string,
): Raw {
  const { image, imagePullPolicy } = options;
  const directories = [...new Set(room.holds.map(({ directory }) => directory))].sort();
  const resources = resourcesFor(pod, options, settings.resources);
  return {
    name,
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    command: ['stash'],
    args: [...args, ...directories.map((directory) => `--directory=${literal(directory)}`)],
    ...agentEnvironment(room.environment),
    ...(resources !== undefined && { resources }),
    securityContext: securityContextFor(pod, firstHolder(pod, room.holds), purpose, settings.securityContext),
    volumeMounts: [
      ...[...room.data.values()].map((mount) => dataMount(mount, purpose)),
      ...[...room.repositories.values()].flatMap(({ volumeMounts }) => volumeMounts),
      { name: scratch, mountPath: SCRATCH_PATH },
      { name: TOKEN_VOLUME, mountPath: TOKEN_PATH, readOnly: true },
    ],
  };
}

/** Without mountPropagation and recursiveReadOnly: they are about the host and the node's kernel, not about the files. */
function dataMount({ volume, path, subPath, subPathExpr }: Mount, purpose: Purpose): Raw {
  return {
    name: volume,
    mountPath: path,
    ...(purpose === 'backup' && { readOnly: true }),
    ...(subPath !== undefined && { subPath }),
    ...(subPathExpr !== undefined && { subPathExpr }),
  };
}

/** Kubernetes expands `$(NAME)` in arguments and reads `$$` as `$`. */
function literal(argument: string): string {
  return argument.replaceAll('$', '$$$$');
}
