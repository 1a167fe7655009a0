import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localMountPath } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import { sleep } from '../kube/clock.ts';
import { repositoryEnvironment } from '../restic/environment.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { stopOf } from './stop.ts';

/** How restic reaches a repository. */
export interface RepositoryAccess {
  /** The whole environment of a restic process. */
  env: Readonly<Record<string, string>>;
  /** What must not appear in a message. */
  secrets: readonly string[];
  /** By how much restic gives way to others, as nice(1) has it; not at all where it is left out. */
  niceness?: number;
}

const secretPollMs = 1_000;

/**
 * The access to `repository` by its Secret as it is now: kubelet brings changes of it into the running pod.
 *
 * A Secret that was made after the pod comes within about a minute, so that it is waited for: a first backup that is a minute late is
 * better than one that failed over the order in which objects were made.
 *
 * @param onWaiting - is told once what is waited for
 * @throws {HostFailure} `SecretMissing`, `RepositoryNotMounted`
 * @throws {Stopped} where `signal` was aborted
 */
export async function openRepository(
  agent: Agent,
  repository: Repository,
  signal: AbortSignal,
  onWaiting: (failure: HostFailure) => void,
): Promise<RepositoryAccess> {
  const directory = join(agent.paths.secrets, repository.metadata.name);
  const until = agent.clock.now() + agent.secretWaitMs;
  let keys = await readSecret(directory);
  let told = false;
  while (isUseless(keys)) {
    const failure = secretMissing(repository, keys);
    if (agent.clock.now() >= until) throw failure;
    if (!told) onWaiting(failure);
    told = true;
    await sleep(agent.clock, secretPollMs, signal);
    if (signal.aborted) throw stopOf(signal);
    keys = await readSecret(directory);
  }
  const { subPath } = repository.spec.backend.local;
  const mountPath = localMountPath(repository);
  await requireMounted(repository, mountPath);
  return {
    env: repositoryEnvironment(
      { local: { mountPath, ...(subPath !== undefined && { subPath }) } },
      {
        secretDirectory: directory,
        cacheDirectory: join(agent.paths.scratch, 'cache'),
        temporaryDirectory: join(agent.paths.scratch, 'tmp'),
        path: agent.programPath,
        ...(agent.resticMemory !== undefined && { memoryLimit: agent.resticMemory }),
      },
    ),
    secrets: [...keys.values()],
  };
}

/** The keys of a mounted Secret and their values. None where it is absent: its volume is optional, and then empty. */
async function readSecret(directory: string): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  try {
    for (const name of await readdir(directory)) {
      // kubelet's own names in the volume, by which it changes all keys at once.
      if (!name.startsWith('..')) keys.set(name, await readFile(join(directory, name), 'utf8'));
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return keys;
}

function isUseless(keys: Map<string, string>): boolean {
  return (keys.get('RESTIC_PASSWORD') ?? '').trim() === '';
}

function secretMissing(repository: Repository, keys: Map<string, string>): HostFailure {
  const secret = repository.spec.backend.storageSecretName;
  const { name, namespace } = repository.metadata;
  const whose = `Secret ${secret} of Repository ${name} in namespace ${namespace}`;
  if (keys.size === 0) {
    return new HostFailure(
      'SecretMissing',
      `${whose} is missing or empty; make it with the key RESTIC_PASSWORD. It reaches a running pod about a minute later`,
    );
  }
  const problem = keys.has('RESTIC_PASSWORD') ? 'has an empty RESTIC_PASSWORD' : 'has no key RESTIC_PASSWORD';
  const found = [...keys.keys()].sort().slice(0, 20).join(', ');
  return new HostFailure('SecretMissing', `${whose} ${problem}; its keys are ${found}`);
}

/** restic would make the directory, and the repository in it, in the container's own file system. */
async function requireMounted(repository: Repository, mountPath: string): Promise<void> {
  try {
    if ((await stat(mountPath)).isDirectory()) return;
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  throw new HostFailure(
    'RepositoryNotMounted',
    `the volume of Repository ${repository.metadata.name} is not mounted at ${mountPath} in this pod; roll the workload out, so that its pods get it`,
  );
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
