import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from '../api/repository.ts';
import { sleep } from '../kube/clock.ts';
import { type BackendName, locationOf } from '../restic/backend.ts';
import { missingKeys, type Secret, secretValues } from '../restic/credentials.ts';
import { repositoryEnvironment } from '../restic/environment.ts';
import type { NodeDirectory } from '../restic/exit-codes.ts';
import { backendOf } from '../restic/repository-backend.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { stopOf } from './stop.ts';

/** How restic reaches a repository. */
export interface RepositoryAccess {
  /** The whole environment of a restic process. */
  env: Readonly<Record<string, string>>;
  /** Arguments of every restic command, after its name. */
  options: readonly string[];
  /** Of a repository in a directory of the node by itself: which. */
  hostPath?: NodeDirectory;
  /** What must not appear in a message. */
  secrets: readonly string[];
  /** By how much restic gives way to others, as nice(1) has it; as usual where it is left out. */
  niceness?: number;
  /** When the session ends, done or not, as RFC 3339: so long a lock of another may be waited for. */
  deadline?: string | undefined;
}

const secretPollMs = 1_000;

/**
 * The access to `repository` by its Secret as it is now: kubelet brings changes of it into the running pod.
 *
 * A Secret that was made after the pod comes within about a minute, so that it is waited for: a first backup that is a minute late is
 * better than one that failed over the order in which objects were made.
 *
 * @param onWaiting - is told once what is waited for
 * @throws {HostFailure} `SecretMissing`, `SecretIncomplete`, `RepositoryNotMounted`
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
  const backend = backendOf(repository);
  const { name, options } = locationOf(backend);
  let secret = await readSecret(directory);
  let told = false;
  for (let failure = flawOf(repository, name, secret); failure; failure = flawOf(repository, name, secret)) {
    if (agent.clock.now() >= until) throw failure;
    if (!told) onWaiting(failure);
    told = true;
    await sleep(agent.clock, secretPollMs, signal);
    if (signal.aborted) throw stopOf(signal);
    secret = await readSecret(directory);
  }
  if (backend.local !== undefined) await requireMounted(repository, backend.local.mountPath);
  return {
    env: repositoryEnvironment(backend, {
      secretDirectory: directory,
      secret,
      ambient: agent.environment,
      cacheDirectory: join(agent.paths.scratch, 'cache'),
      temporaryDirectory: join(agent.paths.scratch, 'tmp'),
      path: agent.programPath,
      ...(agent.resticMemory !== undefined && { memoryLimit: agent.resticMemory }),
    }),
    options,
    secrets: secretValues(secret),
    ...hostPathOf(agent, repository),
  };
}

function hostPathOf({ identity }: Agent, { spec }: Repository): Pick<RepositoryAccess, 'hostPath'> {
  const { hostPath } = spec.backend.local ?? {};
  return hostPath === undefined ? {} : { hostPath: { path: hostPath.path, node: identity.nodeName } };
}

/** The keys of a mounted Secret and their values. None where it is absent: its volume is optional, and then empty. */
export async function readSecret(directory: string): Promise<Secret> {
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

/** Why restic cannot be started with `secret`; undefined where it can. */
function flawOf(repository: Repository, backend: BackendName, secret: Secret): HostFailure | undefined {
  const missing = missingKeys(backend, secret);
  if (missing.length === 0) return undefined;
  const { name, namespace } = repository.metadata;
  const whose = `Secret ${repository.spec.backend.storageSecretName} of Repository ${name} in namespace ${namespace}`;
  const wanted = `${missing.length === 1 ? 'the key' : 'the keys'} ${missing.join(' and ')}`;
  if (secret.size === 0) {
    return new HostFailure(
      'SecretMissing',
      `${whose} is missing or empty; make it with ${wanted}. It reaches a running pod about a minute later`,
    );
  }
  const found = [...secret.keys()].sort().slice(0, 20).join(', ');
  return new HostFailure(
    'SecretIncomplete',
    `${whose} lacks ${wanted}, with a value that is text and not empty, for the backend ${backend}; its keys are ${found}`,
  );
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
