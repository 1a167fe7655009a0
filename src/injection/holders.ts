import { quoted } from '../api/problem.ts';
import { canonical } from './canonical.ts';
import { type Environment, environmentOf } from './environment.ts';
import { contains, normalPath, overlap } from './paths.ts';
import type { Container, Mount, Pod } from './pod.ts';
import { CONTAINER_FIELD, type Fault } from './problem.ts';

/** Where a directory's files are: what a container of the user's mounts there. */
export interface Hold {
  /** Normal. */
  readonly directory: string;
  readonly container: Container;
  /** The mount that contains the directory, where there is one, and those below it. */
  readonly mounts: readonly Mount[];
  readonly environment: Environment;
}

/**
 * Which mounts hold `directory`, as the container named `named` sees it. Without a name it is the first that holds it,
 * and all that do must see the same; init containers are asked only where no ordinary container holds the directory.
 *
 * @param directory - normal
 * @param field - the directory's own path in the object that wants it
 */
export function findHold(
  pod: Pod,
  directory: string,
  named: string | undefined,
  field: string,
): Hold | Fault {
  const all = [...pod.containers, ...pod.initContainers];
  const asked = named === undefined ? all : all.filter(({ name }) => name === named);
  if (asked.length === 0) {
    return {
      reason: 'ContainerNotFound',
      path: CONTAINER_FIELD,
      message: `the workload has no container ${quoted(named)}; it has ${listed(all.map(({ name }) => name))}`,
    };
  }

  const blocked = asked.find(({ devices }) => devices.some((device) => overlap(device, directory)));
  if (blocked !== undefined) {
    return {
      reason: 'DirectoryOnBlockDevice',
      path: field,
      message: `${quoted(directory)} of the container ${quoted(blocked.name)} is or holds a raw block device, and only files can be backed up; name a directory of a mounted volume`,
    };
  }

  const isOrdinary = (container: Container): boolean => pod.containers.includes(container);
  const holds = asked.flatMap((container) => holdOf(container, directory) ?? []);
  const ordinary = holds.filter(({ container }) => isOrdinary(container));
  const candidates = ordinary.length > 0 ? ordinary : holds;
  const [first] = candidates;
  if (first === undefined) return notMounted(asked, directory, field);

  const differing = candidates.filter((hold) => hold !== first && viewOf(hold) !== viewOf(first));
  if (differing.length > 0) {
    const names = candidates.map(({ container }) => container.name);
    return {
      reason: 'ContainerAmbiguous',
      path: field,
      message: `the containers ${listed(names)} mount different volumes at ${quoted(directory)}; name the one that is meant in ${CONTAINER_FIELD}`,
    };
  }
  return first;
}

function holdOf(container: Container, directory: string): Hold | undefined {
  const mounts = mountsAt(container.mounts, directory);
  if (mounts.length === 0) return undefined;
  return { directory, container, mounts, environment: environmentOf(container, mounts) };
}

/** The longest mount that contains `directory`, and the mounts below it. */
export function mountsAt(mounts: Iterable<Mount>, directory: string): Mount[] {
  let around: Mount | undefined;
  const below: Mount[] = [];
  for (const mount of mounts) {
    if (contains(mount.path, directory)) {
      if (around === undefined || mount.path.length > around.path.length) around = mount;
    } else if (contains(directory, mount.path)) {
      below.push(mount);
    }
  }
  return around === undefined ? below : [around, ...below];
}

/** The same for mounts that show the same files at the same path. */
export function mountIdentity({ path, volume, subPath, subPathExpr }: Mount): string {
  return canonical([path, volume, subPath && normalPath(subPath), subPathExpr && normalPath(subPathExpr)]);
}

function viewOf({ mounts, environment: { entries, sources } }: Hold): string {
  return canonical([mounts.map(mountIdentity).sort(), entries, sources]);
}

function notMounted(asked: Container[], directory: string, field: string): Fault {
  const found = asked.map(({ name, mounts }) => {
    const paths = mounts.map(({ path }) => path);
    return `${quoted(name)} mounts ${paths.length === 0 ? 'nothing' : listed(paths)}`;
  });
  return {
    reason: 'DirectoryNotMounted',
    path: field,
    message: `no volume holds ${quoted(directory)}: ${found.join('; ')}. Only what lies in a volume can be backed up or restored; name a directory that does`,
  };
}

/** In the pod's own order, so that one more configuration does not change the user that another is backed up by without need. */
export function firstHolder(pod: Pod, holds: readonly Hold[]): Container {
  const holders = new Set(holds.map(({ container }) => container));
  const first = [...pod.containers, ...pod.initContainers].find((each) => holders.has(each));
  if (first === undefined) throw new Error('a container without directories is never made');
  return first;
}

function listed(names: string[]): string {
  return names.map(quoted).join(', ');
}
