import { agentEnvironment } from './environment.ts';
import {
  RESTORE,
  RESTORE_SCRATCH_VOLUME,
  SCRATCH_PATH,
  SIDECAR,
  SIDECAR_SCRATCH_VOLUME,
  TOKEN_PATH,
  TOKEN_VOLUME,
} from './layout.ts';
import type { Part } from './plan.ts';
import type { Container, Mount, Pod } from './pod.ts';
import type { Raw } from './raw.ts';
import { resourcesFor } from './resources.ts';
import type { Room } from './room.ts';
import { type Purpose, securityContextFor } from './security.ts';
import type { InjectionOptions } from './wanted.ts';

/** The container that backs up. Nothing in it changes with a schedule, a retention policy or a pause. */
export function sidecarFor(pod: Pod, part: Part, native: boolean, options: InjectionOptions): Raw {
  const args = ['agent', 'sidecar', ...part.names.map((name) => `--configuration=${name}`)];
  return {
    ...container(pod, part.room, 'backup', options, SIDECAR, args, SIDECAR_SCRATCH_VOLUME),
    ...(native && { restartPolicy: 'Always' }),
  };
}

/** The init container that restores. */
export function restoreFor(pod: Pod, part: Part, options: InjectionOptions): Raw {
  const args = ['agent', 'restore', ...part.names.map((name) => `--session=${name}`)];
  return container(pod, part.room, 'restore', options, RESTORE, args, RESTORE_SCRATCH_VOLUME);
}

function container(
  pod: Pod,
  room: Room,
  purpose: Purpose,
  options: InjectionOptions,
  name: string,
  args: string[],
  scratch: string,
): Raw {
  const { image, imagePullPolicy } = options;
  const directories = [...new Set(room.holds.map(({ directory }) => directory))].sort();
  const resources = resourcesFor(pod, options);
  return {
    name,
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    command: ['stash'],
    args: [...args, ...directories.map((directory) => `--directory=${literal(directory)}`)],
    ...agentEnvironment(room.environment),
    ...(resources !== undefined && { resources }),
    securityContext: securityContextFor(pod, firstHolder(pod, room), purpose),
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

/** In the pod's own order, so that one more configuration does not change the user that another is backed up by without need. */
function firstHolder(pod: Pod, { holds }: Room): Container {
  const holders = new Set(holds.map(({ container }) => container));
  const first = [...pod.containers, ...pod.initContainers].find((each) => holders.has(each));
  if (first === undefined) throw new Error('a container without directories is never made');
  return first;
}

/** Kubernetes expands `$(NAME)` in arguments and reads `$$` as `$`. */
function literal(argument: string): string {
  return argument.replaceAll('$', '$$$$');
}
