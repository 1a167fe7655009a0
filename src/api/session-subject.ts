import type { BackupConfigurationSpec } from './backup-configuration.ts';
import { canonicalJSON, shortHash } from './names.ts';

/**
 * What `status.configurationHash` of a BackupSession says: which target and task its configuration had as it began.
 *
 * Hosts are frozen and a Job is made as the session starts, and agents read the configuration later: were its target another by then,
 * the data of the one would be filed under the tags of the other. What may be changed in the midst (schedule, retention, hooks) is left out.
 */
export function configurationHash({
  spec,
}: {
  spec: Pick<BackupConfigurationSpec, 'target' | 'task'>;
}): string {
  return shortHash(canonicalJSON({ target: spec.target, task: spec.task }), 16);
}

/**
 * Why a session may not go on with `configuration`; undefined where that is as it was.
 *
 * @param began - its `status.configurationHash`; one that an operator of before has begun says nothing
 */
export function changeSince(
  began: string | undefined,
  configuration: { metadata: { name: string }; spec: Pick<BackupConfigurationSpec, 'target' | 'task'> },
): { reason: 'ConfigurationChanged'; message: string } | undefined {
  if (began === undefined || began === configurationHash(configuration)) return undefined;
  const message = `the target or the task of BackupConfiguration ${configuration.metadata.name} was changed after the session began; start another session`;
  return { reason: 'ConfigurationChanged', message };
}
