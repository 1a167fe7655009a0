import type { EnvVar } from '../api/function-settings.ts';
import { escaped } from './fill.ts';
import { OUTPUT_DIR, SECRETS_DIR } from './layout.ts';
import type { TaskRun } from './run.ts';

/** Environment variables that every step has, whatever its repository. */
export const ALWAYS_SET = ['RESTIC_REPOSITORY', 'RESTIC_PASSWORD_FILE', 'RESTIC_CACHE_DIR', 'TMPDIR'];

/** Where the storage Secret of the repository `name` is mounted in every step. */
export function secretDirectory(name: string): string {
  return `${SECRETS_DIR}/${name}`;
}

/**
 * The environment that every step has, so that restic finds the repository in any image. Passwords and keys come from the Secret when
 * the container starts: the operator has never seen them.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/040_backup.html#environment-variables
 */
export function repositoryVariables({
  repository,
  storage,
}: Pick<TaskRun, 'repository' | 'storage'>): EnvVar[] {
  const directory = secretDirectory(repository.metadata.name);
  const name = repository.spec.backend.storageSecretName;
  const plain: Record<string, string> = {
    ...storage.variables,
    ...Object.fromEntries(
      Object.entries(storage.secretFiles).map(([variable, key]) => [variable, `${directory}/${key}`]),
    ),
    RESTIC_PASSWORD_FILE: `${directory}/RESTIC_PASSWORD`,
    RESTIC_CACHE_DIR: `${OUTPUT_DIR}/cache`,
    TMPDIR: OUTPUT_DIR,
  };
  return [
    // What Kubernetes would take for a variable of its own is escaped.
    ...Object.entries(plain).map(([variable, value]) => ({
      name: variable,
      value: escaped(value, true),
    })),
    ...Object.entries(storage.secretVariables).map(([variable, key]) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name, key, optional: true } },
    })),
  ];
}
