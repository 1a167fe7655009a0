import type { Resource } from '../api/resources.ts';

/**
 * The path of a collection, or with a name that of one object, or with a subresource that one's.
 *
 * Each part is escaped, so that no name leads elsewhere. A namespaced collection without a namespace is that of all namespaces.
 *
 * @throws {TypeError} where a name or a namespace is empty, `.` or `..`, or one object of a namespaced kind has no namespace
 */
export function pathOf(
  resource: Resource,
  at: { namespace?: string; name?: string; subresource?: string },
): string {
  const parts =
    resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (resource.namespaced && at.namespace !== undefined) parts.push('namespaces', at.namespace);
  if (resource.namespaced && at.namespace === undefined && at.name !== undefined) {
    throw new TypeError(`${resource.kind} ${at.name}: its namespace is missing`);
  }
  parts.push(resource.plural);
  if (at.name !== undefined) parts.push(at.name);
  if (at.subresource !== undefined) parts.push(at.subresource);
  return `/${parts.map((part) => escapePart(resource, part)).join('/')}`;
}

/** A URL parser folds `.` and `..`, percent-encoded or not: a deletion of the name `..` would be one of the whole collection. */
function escapePart(resource: Resource, part: string): string {
  if (part === '' || part === '.' || part === '..') {
    throw new TypeError(`${resource.kind}: '${part}' is no name of an object or a namespace`);
  }
  return encodeURIComponent(part);
}

export const pods: Resource = builtIn('', 'v1', 'pods', 'Pod');
export const services: Resource = builtIn('', 'v1', 'services', 'Service');
export const secrets: Resource = builtIn('', 'v1', 'secrets', 'Secret');
export const nodes: Resource = builtIn('', 'v1', 'nodes', 'Node', false);
export const namespaces: Resource = builtIn('', 'v1', 'namespaces', 'Namespace', false);
export const configMaps: Resource = builtIn('', 'v1', 'configmaps', 'ConfigMap');
export const persistentVolumeClaims: Resource = builtIn(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const deployments: Resource = builtIn('apps', 'v1', 'deployments', 'Deployment');
export const statefulSets: Resource = builtIn('apps', 'v1', 'statefulsets', 'StatefulSet');
export const daemonSets: Resource = builtIn('apps', 'v1', 'daemonsets', 'DaemonSet');
export const replicaSets: Resource = builtIn('apps', 'v1', 'replicasets', 'ReplicaSet');
export const jobs: Resource = builtIn('batch', 'v1', 'jobs', 'Job');
export const cronJobs: Resource = builtIn('batch', 'v1', 'cronjobs', 'CronJob');
export const serviceAccounts: Resource = builtIn('', 'v1', 'serviceaccounts', 'ServiceAccount');
export const roleBindings: Resource = builtIn(
  'rbac.authorization.k8s.io',
  'v1',
  'rolebindings',
  'RoleBinding',
);
export const leases: Resource = builtIn('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const events: Resource = builtIn('events.k8s.io', 'v1', 'events', 'Event');
export const mutatingWebhookConfigurations: Resource = builtIn(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingwebhookconfigurations',
  'MutatingWebhookConfiguration',
  false,
);
export const validatingWebhookConfigurations: Resource = builtIn(
  'admissionregistration.k8s.io',
  'v1',
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
  false,
);
export const validatingAdmissionPolicies: Resource = builtIn(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
  false,
);
export const validatingAdmissionPolicyBindings: Resource = builtIn(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
  false,
);
export const customResourceDefinitions: Resource = builtIn(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
);

function builtIn(group: string, version: string, plural: string, kind: string, namespaced = true): Resource {
  return { group, version, plural, kind, namespaced };
}
