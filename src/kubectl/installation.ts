import { MANAGED_BY } from '../api/annotations.ts';
import type { Resource } from '../api/resources.ts';
import {
  customResourceDefinitions,
  deployments,
  leases,
  mutatingWebhookConfigurations,
  namespaces,
  roleBindings,
  secrets,
  serviceAccounts,
  services,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from '../kube/resource.ts';

/* What an installation is made of: manifests/install.yaml, and what the operator makes for itself. */

export interface Part {
  resource: Resource;
  name: string;
}

/** On all that the manifest brings. */
export const INSTALLATION_LABEL = 'app.kubernetes.io/name';
export const INSTALLATION = 'stash';

/** Of the pods of the operator. */
export const OPERATOR_SELECTOR = `${INSTALLATION_LABEL}=${INSTALLATION},app.kubernetes.io/component=operator`;

/** Of the Functions and Tasks that the operator applies, from manifests/catalog. */
export const CATALOG_SELECTOR = `${INSTALLATION_LABEL}=${INSTALLATION},app.kubernetes.io/component=catalog`;

const rbac = (plural: string, kind: string, namespaced: boolean): Resource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const clusterRoleBindings = rbac('clusterrolebindings', 'ClusterRoleBinding', false);
const clusterRoles = rbac('clusterroles', 'ClusterRole', false);
const roles = rbac('roles', 'Role', true);
const podDisruptionBudgets: Resource = {
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};

export const REGISTRATIONS: readonly Part[] = [
  { resource: mutatingWebhookConfigurations, name: MANAGED_BY },
  { resource: validatingWebhookConfigurations, name: MANAGED_BY },
];

/** What the API server asks the authors of objects for, each policy with a binding of its name. */
const POLICIES = [
  ...['stash-repositories', 'stash-app-bindings', 'stash-targets', 'stash-sessions', 'stash-hooks'],
  'stash-tasks',
];

/** In the order in which they go: who has a right goes before the right. */
export const OWN_PARTS: readonly Part[] = [
  { resource: deployments, name: 'stash' },
  { resource: podDisruptionBudgets, name: 'stash' },
  { resource: services, name: 'stash-webhook' },
  { resource: secrets, name: 'stash-webhook-certificate' },
  { resource: leases, name: 'stash-operator' },
  { resource: clusterRoleBindings, name: 'stash-hooks' },
  { resource: clusterRoleBindings, name: 'stash-operator' },
  { resource: roleBindings, name: 'stash-operator' },
  { resource: roles, name: 'stash-operator' },
  { resource: serviceAccounts, name: 'stash-operator' },
  { resource: clusterRoles, name: 'stash-operator' },
  { resource: clusterRoles, name: 'stash-hooks' },
  ...POLICIES.flatMap((name) => [
    { resource: validatingAdmissionPolicyBindings, name },
    { resource: validatingAdmissionPolicies, name },
  ]),
  { resource: clusterRoles, name: 'stash-agent' },
  { resource: clusterRoles, name: 'stash-check' },
  { resource: clusterRoles, name: 'stash-trigger' },
  { resource: clusterRoles, name: 'stash-view' },
  { resource: clusterRoles, name: 'stash-edit' },
];

/** Made by the operator, without the manifest's label. */
export const UNLABELLED: readonly Resource[] = [secrets, leases];

export const NAMESPACE = namespaces;
export const DEFINITIONS = customResourceDefinitions;
