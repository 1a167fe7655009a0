import { MANAGED_BY, MANAGED_BY_LABEL, TRIGGER_ACCOUNT, TRIGGER_COMPONENT } from '../api/annotations.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { ApiObject } from '../kube/object.ts';
import { serviceAccounts } from '../kube/resource.ts';

/* The ServiceAccount of the CronJobs of a namespace: its own, so that no application gains the right to create sessions. */

/** Made by server-side apply, which names it, so that even the right to create it is bounded by its name. */
export async function makeTriggerAccount(client: Client, namespace: string): Promise<void> {
  // One of that name that somebody else made serves as well, and stays theirs.
  if ((await accountOf(client, namespace)) !== undefined) return;
  const account: ApiObject & { automountServiceAccountToken: boolean } = {
    apiVersion: apiVersionOf(serviceAccounts),
    kind: serviceAccounts.kind,
    metadata: {
      name: TRIGGER_ACCOUNT,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'stash',
        'app.kubernetes.io/component': TRIGGER_COMPONENT,
        [MANAGED_BY_LABEL]: MANAGED_BY,
      },
    },
    automountServiceAccountToken: false,
  };
  await client.apply(serviceAccounts, account, { fieldManager: FIELD_MANAGER });
}

export async function removeTriggerAccount(client: Client, namespace: string): Promise<void> {
  const account = await accountOf(client, namespace);
  if (account?.metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY) return;
  try {
    await client.delete(serviceAccounts, TRIGGER_ACCOUNT, namespace);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function accountOf(client: Client, namespace: string): Promise<ApiObject | undefined> {
  try {
    return await client.get<ApiObject>(serviceAccounts, TRIGGER_ACCOUNT, namespace);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
