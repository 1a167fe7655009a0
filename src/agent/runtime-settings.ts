import type { RuntimeSettings } from '../api/runtime-settings.ts';
import type { RepositoryAccess } from './repository-access.ts';

/**
 * `access` with what the BackupConfiguration says of the way in which restic runs. It is read for each session, so that a change needs
 * no rollout. What the repository is reached by stays as it is: a variable of the same name is not the user's to set.
 */
export function asConfigured(
  access: RepositoryAccess,
  settings: RuntimeSettings | undefined,
): RepositoryAccess {
  const { env = [], nice } = settings?.container ?? {};
  const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return {
    ...access,
    env: { ...variables, ...access.env },
    ...(nice !== undefined && { niceness: nice.adjustment }),
  };
}
