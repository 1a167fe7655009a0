import { AGENT_ROLE, CHECK_ROLE, MANAGED_BY, MANAGED_BY_LABEL } from '../api/annotations.ts';
import { boundedName } from '../api/names.ts';
import type { ObjectMeta } from '../api/object.ts';
import { readRecord } from '../injection/record.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { Reconciler } from '../kube/queue.ts';
import { roleBindings } from '../kube/resource.ts';
import type { Context } from './context.ts';
import { checkAccountOf } from './integrity-job.ts';
import { wantedFor } from './wanted.ts';
import { serviceAccountOf, type Workload } from './workload.ts';

const ROLES = [AGENT_ROLE, CHECK_ROLE];

interface Grant {
  role: string;
  account: string;
}

interface RoleBinding {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { kind: string; name: string; namespace: string }[];
}

/**
 * Which ServiceAccounts of this namespace have agents? Each gets a RoleBinding to the one ClusterRole that agents need, which lasts as
 * long as a workload of that account carries or should carry an agent. Those that check a Repository get one to theirs.
 */
export function agentRoleBindings(context: Context): Reconciler {
  const { client, caches, log } = context;
  return async (namespace) => {
    const wanted = new Map<string, Grant>();
    for (const workload of caches.workloads.inNamespace(namespace)) {
      if (!hasAgents(workload)) continue;
      grant(wanted, AGENT_ROLE, serviceAccountOf(workload));
    }
    for (const repository of caches.repositories.byIndex('namespace', namespace)) {
      if (repository.spec.integrityCheck !== undefined) grant(wanted, CHECK_ROLE, checkAccountOf(repository));
    }
    const present = await client.list<RoleBinding>(roleBindings, {
      namespace,
      labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
    });
    const ours = present.filter(({ roleRef }) => ROLES.includes(roleRef.name));
    for (const [name, { role, account }] of wanted) {
      if (ours.some(({ metadata }) => metadata.name === name)) continue;
      await create(roleBinding(namespace, name, role, account));
      log.info({ namespace, serviceAccount: account, role }, 'its agents may report now');
    }
    for (const { metadata } of ours) {
      if (!wanted.has(metadata.name)) await remove(metadata.name, namespace);
    }
  };

  function hasAgents(workload: Workload): boolean {
    if (readRecord(workload.spec.template?.metadata?.annotations) !== undefined) return true;
    const { namespace, name } = workload.metadata;
    const { backups, restores } = wantedFor(caches, namespace ?? '', workload.kind, name);
    return backups.length + restores.length > 0;
  }

  async function create(binding: RoleBinding): Promise<void> {
    try {
      await client.create(roleBindings, binding);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async function remove(name: string, namespace: string): Promise<void> {
    try {
      await client.delete(roleBindings, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function grant(grants: Map<string, Grant>, role: string, account: string): void {
  grants.set(boundedName(`${role}-${account}`, 253), { role, account });
}

function roleBinding(namespace: string, name: string, role: string, account: string): RoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  };
}
