import { quoted } from '../api/problem.ts';
import { canonical } from './canonical.ts';
import { clashWithAgent, type Environment, mergeEnvironments, NO_ENVIRONMENT } from './environment.ts';
import { type Hold, mountIdentity, mountsAt } from './holders.ts';
import { contains } from './paths.ts';
import type { Container, Mount, Pod } from './pod.ts';
import { DIRECTORIES_FIELD, type Fault } from './problem.ts';
import {
  clashOfRepositories,
  clashWithData,
  type RepositoryMounts,
  repositoryOnTarget,
} from './repositories.ts';

/** What one container of ours has mounted, for all that it serves. */
export interface Room {
  readonly holds: readonly Hold[];
  /** By path. */
  readonly data: ReadonlyMap<string, Mount>;
  /** By name. */
  readonly repositories: ReadonlyMap<string, RepositoryMounts>;
  readonly environment: Environment;
}

export const EMPTY_ROOM: Room = {
  holds: [],
  data: new Map(),
  repositories: new Map(),
  environment: NO_ENVIRONMENT,
};

/** `room` with one more set of directories and their repository, where they go together with what is there already. */
export function furnish(
  room: Room,
  pod: Pod,
  holds: readonly Hold[],
  repository: RepositoryMounts,
): Room | Fault {
  const data = new Map(room.data);
  for (const hold of holds) {
    for (const mount of hold.mounts) {
      const other = data.get(mount.path);
      if (other !== undefined && mountIdentity(other) !== mountIdentity(mount))
        return differs(hold, mount, other);
      data.set(mount.path, mount);
    }
  }
  const all = [...room.holds, ...holds];
  const foreign = foreignMount(pod, data) ?? changedView(all, data);
  if (foreign !== undefined) return foreign;

  let { environment } = room;
  for (const hold of holds) {
    const merged = mergeEnvironments(environment, hold.environment);
    if (typeof merged === 'string') return ambiguousVariable(merged);
    environment = merged;
  }
  const clash = clashWithAgent(environment);
  if (clash !== undefined) return reservedVariable(clash);

  const repositories = new Map(room.repositories);
  const same = repositories.get(repository.repository.name) ?? repository;
  if (!isSameRepository(same, repository)) return twoMeanings(repository);
  repositories.set(repository.repository.name, repository);
  const paths = [...data.keys(), ...all.map(({ directory }) => directory)];
  for (const each of repositories.values()) {
    const fault =
      clashOfRepositories(repository, each) ??
      clashWithData(each, paths) ??
      repositoryOnTarget(each, data.values());
    if (fault !== undefined) return fault;
  }
  return { holds: all, data, repositories, environment };
}

function isSameRepository({ repository: a }: RepositoryMounts, { repository: b }: RepositoryMounts): boolean {
  return a === b || canonical(a) === canonical(b);
}

/** Whether a mount of the user's stands inside another. */
export function hasNestedData({ data }: Room): boolean {
  return nested(data).length > 0;
}

function nested(data: ReadonlyMap<string, Mount>): [outer: Mount, inner: Mount][] {
  if (data.size < 2) return [];
  const mounts = [...data.values()];
  return mounts.flatMap((outer) =>
    mounts.flatMap((inner): [Mount, Mount][] =>
      inner !== outer && contains(outer.path, inner.path) ? [[outer, inner]] : [],
    ),
  );
}

/**
 * A mount point inside a read-only mount cannot be made, so a container starts only where a container of the user's has
 * mounted the same two in the same way, and has made it (kubernetes/kubernetes#121294).
 */
function foreignMount(pod: Pod, data: ReadonlyMap<string, Mount>): Fault | undefined {
  for (const [outer, inner] of nested(data)) {
    const known = [...pod.containers, ...pod.initContainers].some(
      (container) => mounts(container, outer) && mounts(container, inner),
    );
    if (!known) {
      return conflict(
        `no container mounts both ${quoted(outer.path)} and ${quoted(inner.path)} as they are wanted here, so they cannot be seen together`,
      );
    }
  }
  return undefined;
}

function mounts(container: Container, wanted: Mount): boolean {
  return container.mounts.some((mount) => mountIdentity(mount) === mountIdentity(wanted));
}

/** A directory must look in our container as it does in the one that it was found in. */
function changedView(holds: readonly Hold[], data: ReadonlyMap<string, Mount>): Fault | undefined {
  for (const { directory, mounts, container } of holds) {
    const seen = mountsAt(data.values(), directory);
    if (
      seen.length === mounts.length &&
      seen.every((mount) => mounts.some(({ path }) => path === mount.path))
    )
      continue;
    return conflict(
      `another container's mounts would change what ${quoted(directory)} of the container ${quoted(container.name)} holds`,
    );
  }
  return undefined;
}

function differs(hold: Hold, mount: Mount, other: Mount): Fault {
  return conflict(
    `${quoted(mount.path)} is the volume ${quoted(mount.volume)} in the container ${quoted(hold.container.name)}, and the volume ${quoted(other.volume)} or another part of it for another directory`,
  );
}

function conflict(found: string): Fault {
  return {
    reason: 'MountConflict',
    path: DIRECTORIES_FIELD,
    message: `${found}; one agent serves all directories of a workload, so name directories that one container has`,
  };
}

function ambiguousVariable(name: string): Fault {
  return {
    reason: 'EnvironmentConflict',
    path: DIRECTORIES_FIELD,
    message: `the variable ${name}, which a subPathExpr of these directories needs, has different values in two containers; name directories of one container`,
  };
}

function reservedVariable(name: string): Fault {
  return {
    reason: 'EnvironmentConflict',
    path: DIRECTORIES_FIELD,
    message: `a subPathExpr of these directories needs the variable ${name} with a value that is not the pod's own, and the agent needs it too; rename the variable in the workload`,
  };
}

function twoMeanings({ repository }: RepositoryMounts): Fault {
  return {
    reason: 'RepositoryMountConflict',
    path: 'spec.repository',
    message: `the repository ${quoted(repository.name)} is wanted twice, with different Secrets or volumes; wait until all name its present form`,
  };
}
