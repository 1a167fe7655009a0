import { HOLD_FINALIZER } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupHooks, RestoreHooks } from '../api/hooks.ts';
import type { ObjectMeta } from '../api/object.ts';
import type { Resource } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { Trouble } from './job-state.ts';
import type { Session } from './session-status.ts';

/*
 * What a hook before has frozen, the hook after it has to thaw, also where the session is deleted in between, or the configuration that
 * says what the hook is. And as long as a Job is at work, nobody else may be at its target: a session that went before its Job would tell
 * nobody. A finalizer keeps both until then. It is there only while such a session is under way, and every hook ends within its timeout, and
 * every pod within its grace period, so that no deletion, that of a namespace neither, waits for longer.
 *
 * A copy of the hook in the session would need no finalizer of the configuration; but what stands there may be written by those who may
 * not run a command in the pod: docs/decisions/0005-who-may-exec.md.
 */

/** What can be held: a session, or a configuration. */
interface Holdable {
  metadata: ObjectMeta;
}

/** Whether a session with these hooks, and its configuration, are not to go before the hook after it has run. */
export function awaitsHook(hooks: (BackupHooks & RestoreHooks) | undefined): boolean {
  const isFrozen = hooks?.preBackup !== undefined || hooks?.preRestore !== undefined;
  return isFrozen && (hooks.postBackup !== undefined || hooks.postRestore !== undefined);
}

export function isHeld({ metadata }: Holdable): boolean {
  return metadata.finalizers?.includes(HOLD_FINALIZER) === true;
}

/** Keeps `object`; a conflict where it has changed since it was read. */
export async function hold(client: Client, resource: Resource, { metadata }: Holdable): Promise<void> {
  await patch(client, resource, metadata, [...(metadata.finalizers ?? []), HOLD_FINALIZER]);
}

/** Lets `object` go, where it was kept; a conflict where it has changed since it was read. */
export async function release(client: Client, resource: Resource, object: Holdable): Promise<void> {
  if (!isHeld(object)) return;
  const { metadata } = object;
  try {
    await patch(
      client,
      resource,
      metadata,
      metadata.finalizers?.filter((each) => each !== HOLD_FINALIZER),
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function patch(
  client: Client,
  resource: Resource,
  { name, namespace, resourceVersion }: ObjectMeta,
  finalizers: string[] | undefined,
): Promise<unknown> {
  const change = { metadata: { resourceVersion, finalizers } };
  return client.mergePatch(resource, name, namespace, change, { fieldManager: FIELD_MANAGER });
}

/** Why `session`, which is not over, is to end as it is; undefined where neither it nor its configuration is being deleted. */
export function deletionOf(session: Session, configuration?: BackupConfiguration): Trouble | undefined {
  if (session.metadata.deletionTimestamp !== undefined) {
    return { reason: 'SessionDeleted', message: 'the session was deleted before it had ended' };
  }
  if (configuration?.metadata.deletionTimestamp === undefined) return undefined;
  const message = `the BackupConfiguration ${configuration.metadata.name} was deleted before the session had ended`;
  return { reason: 'ConfigurationDeleted', message };
}
