import { posix } from 'node:path';
import { type Backend, locationOf } from './backend.ts';
import { credentialVariables, type Secret } from './credentials.ts';

export interface EnvironmentOptions {
  /** Where the storage Secret is mounted: one file a key. */
  readonly secretDirectory: string;
  /** What stands in it. */
  readonly secret: Secret;
  /** The environment of the agent: of it, restic gets what leads to the credentials of a cloud's own, where the Secret has none. */
  readonly ambient?: Readonly<Record<string, string | undefined>>;
  readonly cacheDirectory: string;
  /** For scratch files; packs are put together there before they are stored. */
  readonly temporaryDirectory: string;
  /** For the programs that restic runs itself, of which a local repository needs none. */
  readonly path?: string;
  /** Seconds between two status lines, 1 at least and by default. */
  readonly progressInterval?: number;
  /** Bytes that Go's garbage collector tries to stay within. A soft limit: the container's own is the hard one. */
  readonly memoryLimit?: number;
}

/**
 * The whole environment of restic: what is not here, restic does not get. Nothing of the container's own passes, since the
 * workload's authors may set variables there, and RESTIC_* or a proxy would turn a backup elsewhere.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/040_backup.html#environment-variables
 */
export function repositoryEnvironment(backend: Backend, options: EnvironmentOptions): Record<string, string> {
  const { path, memoryLimit, progressInterval = 1, ambient = {}, secret, secretDirectory } = options;
  const { name, repository, variables } = locationOf(backend);
  return {
    ...variables,
    ...credentialVariables(name, secret, secretDirectory, ambient),
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD_FILE: posix.join(secretDirectory, 'RESTIC_PASSWORD'),
    RESTIC_CACHE_DIR: options.cacheDirectory,
    RESTIC_PROGRESS_FPS: String(1 / Math.max(1, progressInterval)),
    TMPDIR: options.temporaryDirectory,
    ...(path === undefined ? {} : { PATH: path }),
    ...(memoryLimit === undefined ? {} : { GOMEMLIMIT: `${Math.floor(memoryLimit)}B` }),
  };
}
