import {
  AGENT_ROLE,
  CHECK_ROLE,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  TRIGGER_ACCOUNT,
  TRIGGER_ROLE,
} from '../api/annotations.ts';
import { boundedName } from '../api/names.ts';
import type { ObjectMeta } from '../api/object.ts';
import { isOver } from '../api/sessions.ts';
import { readRecord } from '../injection/record.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { Reconciler } from '../kube/queue.ts';
import { roleBindings } from '../kube/resource.ts';
import { jobAccount } from '../tasks/job.ts';
import type { Context } from './context.ts';
import { checkAccountOf } from './integrity-job.ts';
import { makeTriggerAccount, removeTriggerAccount } from './trigger-account.ts';
import { wantedFor } from './wanted.ts';
import { serviceAccountOf, type Workload } from './workload.ts';

const ROLES = [AGENT_ROLE, CHECK_ROLE, TRIGGER_ROLE];

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
 * long as a workload of that account carries or should carry an agent, or a Job may run a task as it. Those that check a Repository get one
 * to theirs, and so does the account of the CronJobs that keep time, which is made for them and goes with the last of them.
 */
export function agentRoleBindings(context: Context): Reconciler {
  const { client, caches, log } = context;
  return async (namespace) => {
    const wanted = new Map<string, Grant>();
    for (const workload of caches.workloads.inNamespace(namespace)) {
      if (!hasAgents(workload)) continue;
      grant(wanted, AGENT_ROLE, serviceAccountOf(workload));
    }
    for (const { spec } of caches.configurations.byIndex('tasked', namespace)) {
      grant(wanted, AGENT_ROLE, jobAccount(spec));
    }
    for (const session of caches.restoreSessions.byIndex('tasked', namespace)) {
      if (!isOver(session)) grant(wanted, AGENT_ROLE, jobAccount(session.spec));
    }
    for (const repository of caches.repositories.byIndex('namespace', namespace)) {
      if (repository.spec.integrityCheck !== undefined) grant(wanted, CHECK_ROLE, checkAccountOf(repository));
    }
    const keepsTime = caches.configurations.byIndex('timekeeping', namespace).length > 0;
    if (keepsTime) grant(wanted, TRIGGER_ROLE, TRIGGER_ACCOUNT);
    const present = await client.list<RoleBinding>(roleBindings, {
      namespace,
      labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
    });
    const ours = present.filter(({ roleRef }) => ROLES.includes(roleRef.name));
    const refusals: unknown[] = [];
    for (const [name, { role, account }] of wanted) {
      // One name that the API server refuses, or a policy, must not keep the other agents from reporting.
      try {
        if (role === TRIGGER_ROLE) await makeTriggerAccount(client, namespace);
        if (ours.some(({ metadata }) => metadata.name === name)) continue;
        await create(roleBinding(namespace, name, role, account));
        log.info({ namespace, serviceAccount: account, role }, 'its agents may report now');
      } catch (error) {
        refusals.push(error);
      }
    }
    for (const { metadata, roleRef } of ours) {
      if (wanted.has(metadata.name)) continue;
      // The binding goes last: as long as it is there, what is left to be done is known.
      if (roleRef.name === TRIGGER_ROLE) await removeTriggerAccount(client, namespace);
      await remove(metadata.name, namespace);
    }
    if (refusals.length > 0) throw refusals[0];
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
