import { GROUP } from '../api/annotations.ts';
import type { Resource } from '../api/resources.ts';

/*
 * What is taken out of a dump that is to be applied to another cluster: what the server wrote, and what a cluster makes again by itself.
 * Each line here is one that the next cluster would refuse, would take for its own, or would do again. docs/cluster-backup.md tells users.
 */

/** An object as the server sent it. */
export interface RawObject {
  apiVersion: string;
  kind: string;
  metadata: RawMetadata;
  [field: string]: unknown;
}

export interface RawMetadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; controller?: boolean }[];
  [field: string]: unknown;
}

/** Kinds, as `Kind.group`, that only a cluster's own components write. */
const OF_THE_CLUSTER: ReadonlySet<string> = new Set([
  // What happened, and who is alive.
  ...['Event', 'Event.events.k8s.io', 'Lease.coordination.k8s.io', 'LeaseCandidate.coordination.k8s.io'],
  // The machines, and what hangs on them.
  ...['Node', 'CSINode.storage.k8s.io', 'VolumeAttachment.storage.k8s.io', 'ResourceSlice.resource.k8s.io'],
  'CSIStorageCapacity.storage.k8s.io',
  // Records of what controllers and the server did.
  ...['ControllerRevision.apps', 'StorageVersion.internal.apiserver.k8s.io', 'IPAddress.networking.k8s.io'],
  'CertificateSigningRequest.certificates.k8s.io',
  // To make a session is to back up, or to restore over what is there.
  ...[`BackupSession.${GROUP}`, `RestoreSession.${GROUP}`],
]);

/** Whether a sanitised dump has no objects of `resource`, so that nobody needs to be allowed to read them. */
export function isOfTheCluster(
  resource: Pick<Resource, 'group' | 'kind'> & { verbs: readonly string[] },
): boolean {
  // What cannot be created is computed from something else, as metrics are.
  return !resource.verbs.includes('create') || OF_THE_CLUSTER.has(kindOf(resource.kind, resource.group));
}

/** Annotations that tell what a component did with this very object. */
const SERVER_ANNOTATIONS: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
  'deprecated.daemonset.template.generation',
  'pv.kubernetes.io/bind-completed',
  'pv.kubernetes.io/bound-by-controller',
  'volume.kubernetes.io/selected-node',
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubernetes.io/limit-ranger',
]);

/**
 * `object` such that it can be applied to a cluster that has none of this: without what the server and its controllers wrote. Undefined
 * where the cluster makes the object by itself, where another object makes it, or where it would do again what is done.
 *
 * @param leftOut - the names of the PersistentVolumes that are not in the dump: a claim that names one would wait for it for ever
 */
export function sanitized(
  object: RawObject,
  leftOut: ReadonlySet<string> = new Set(),
): RawObject | undefined {
  if (isMadeAgain(object)) return undefined;
  const { apiVersion, kind, metadata, status: _, ...rest } = object;
  const clean: RawObject = { apiVersion, kind, metadata: sanitizedMetadata(metadata), ...rest };
  const refine = REFINED[kindOf(kind, groupOf(apiVersion))];
  return refine === undefined ? clean : refine(clean, object, leftOut);
}

/** Only what users may write. Finalizers are left out: what is to be finalised is in the other cluster. */
function sanitizedMetadata({ name, namespace, labels, annotations }: RawMetadata): RawMetadata {
  const kept = without(annotations, (key) => SERVER_ANNOTATIONS.has(key));
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(kept !== undefined && { annotations: kept }),
  };
}

/** Kinds of which a controller makes those that it owns, whatever controller that is. Others may hold what nobody makes again: a password. */
const MADE_BY_OWNER: ReadonlySet<string> = new Set([
  ...['Pod', 'ReplicaSet.apps', 'Job.batch', 'EndpointSlice.discovery.k8s.io'],
]);

function isMadeAgain(object: RawObject): boolean {
  const { apiVersion, kind, metadata } = object;
  // It is on its way out.
  if (metadata.deletionTimestamp !== undefined) return true;
  const name = kindOf(kind, groupOf(apiVersion));
  const isOwned = metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
  return (isOwned && MADE_BY_OWNER.has(name)) || MADE[name]?.(object) === true;
}

const hasLabel = (label: string) => (object: RawObject) => object.metadata.labels?.[label] !== undefined;
const hasAnnotation = (annotation: string, value: string) => (object: RawObject) =>
  object.metadata.annotations?.[annotation] === value;
/** The API server brings it up to date at each of its starts. */
const isBootstrapped = hasAnnotation('rbac.authorization.kubernetes.io/autoupdate', 'true');
const isFlowDefault = hasAnnotation('apf.kubernetes.io/autoupdate-spec', 'true');

/** ConfigMaps of kube-system that the API server writes. */
const SERVER_CONFIG_MAPS: ReadonlySet<string> = new Set([
  'extension-apiserver-authentication',
  'kube-apiserver-legacy-service-account-token-tracking',
]);

/** Whether an object of the kind is made by the cluster, or is at its end. */
const MADE: Readonly<Record<string, (object: RawObject) => boolean>> = {
  ConfigMap: ({ metadata: { name, namespace } }) =>
    name === 'kube-root-ca.crt' || (namespace === 'kube-system' && SERVER_CONFIG_MAPS.has(name)),
  Secret: ({ type }) => type === 'kubernetes.io/service-account-token',
  ServiceAccount: ({ metadata, apiVersion: _, kind: _kind, secrets: _secrets, ...rest }) =>
    metadata.name === 'default' &&
    [metadata.labels, metadata.annotations, rest].every((fields) => Object.keys(fields ?? {}).length === 0),
  Service: ({ metadata }) => metadata.namespace === 'default' && metadata.name === 'kubernetes',
  Endpoints: ({ metadata, subsets }) =>
    metadata.labels?.['endpoints.kubernetes.io/managed-by'] !== undefined ||
    metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'] !== undefined ||
    (metadata.namespace === 'default' && metadata.name === 'kubernetes') ||
    !Array.isArray(subsets) ||
    subsets.length === 0,
  'EndpointSlice.discovery.k8s.io': ({ metadata }) => {
    const by = metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '';
    return by.endsWith('.k8s.io') || (metadata.namespace === 'default' && metadata.name === 'kubernetes');
  },
  PersistentVolume: ({ metadata }) => metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== undefined,
  Pod: ({ status }) => ['Succeeded', 'Failed'].includes(String(recordOf(status).phase)),
  'Job.batch': ({ status }) => listOf(recordOf(status).conditions).some(isTrueEnd),
  'APIService.apiregistration.k8s.io': hasLabel('kube-aggregator.kubernetes.io/automanaged'),
  'ClusterRole.rbac.authorization.k8s.io': isBootstrapped,
  'ClusterRoleBinding.rbac.authorization.k8s.io': isBootstrapped,
  'Role.rbac.authorization.k8s.io': isBootstrapped,
  'RoleBinding.rbac.authorization.k8s.io': isBootstrapped,
  'FlowSchema.flowcontrol.apiserver.k8s.io': isFlowDefault,
  'PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io': isFlowDefault,
  'PriorityClass.scheduling.k8s.io': ({ metadata }) => metadata.name.startsWith('system-'),
  'ServiceCIDR.networking.k8s.io': ({ metadata }) => metadata.name === 'kubernetes',
};

function isTrueEnd(condition: unknown): boolean {
  const { type, status } = recordOf(condition);
  return status === 'True' && (type === 'Complete' || type === 'Failed');
}

type Refine = (object: RawObject, original: RawObject, leftOut: ReadonlySet<string>) => RawObject;

/** What else of a kind the server wrote; `original` is the object before. */
const REFINED: Readonly<Record<string, Refine>> = {
  Namespace: (object) => withSpec(object, ({ finalizers: _, ...spec }) => spec),
  Service: (object) =>
    withSpec(object, ({ clusterIP, clusterIPs, ...spec }) => ({
      ...spec,
      // No address is a decision, and of the user's.
      ...(clusterIP === 'None' && { clusterIP, clusterIPs }),
    })),
  PersistentVolumeClaim: (object, { metadata, spec }, leftOut) => {
    const isFound = metadata.annotations?.['pv.kubernetes.io/bound-by-controller'] !== undefined;
    if (!isFound && !leftOut.has(String(recordOf(spec).volumeName))) return object;
    return withSpec(object, ({ volumeName: _, ...rest }) => rest);
  },
  PersistentVolume: (object) =>
    withSpec(object, ({ claimRef, ...spec }) => {
      if (claimRef === undefined) return spec;
      const { apiVersion, kind, namespace, name } = recordOf(claimRef);
      return { ...spec, claimRef: { apiVersion, kind, namespace, name } };
    }),
  ServiceAccount: (object) => {
    const isGenerated = (reference: unknown): boolean => {
      const { name } = recordOf(reference);
      return new RegExp(`^${escapeRegExp(object.metadata.name)}-(?:token|dockercfg)-[a-z0-9]{5}$`).test(
        String(name),
      );
    };
    const { secrets, imagePullSecrets, ...rest } = object;
    const kept = {
      secrets: omitted(secrets, isGenerated),
      imagePullSecrets: omitted(imagePullSecrets, isGenerated),
    };
    return { ...rest, ...without(kept, (_, value) => value === undefined) };
  },
  Pod: (object) =>
    withSpec(
      object,
      ({
        nodeName: _,
        priority: _priority,
        preemptionPolicy: _policy,
        ephemeralContainers: _debug,
        ...spec
      }) => withoutTokenVolume(spec),
    ),
  'Job.batch': (object) => {
    const metadata = withoutJobLabels(object.metadata);
    return withSpec({ ...object, metadata }, ({ selector, template, ...spec }) => {
      if (spec.manualSelector === true) return { selector, template, ...spec };
      const pod = recordOf(template);
      return { ...spec, template: { ...pod, metadata: withoutJobLabels(recordOf(pod.metadata)) } };
    });
  },
  // The rules come from other ClusterRoles.
  'ClusterRole.rbac.authorization.k8s.io': (object) =>
    object.aggregationRule === undefined ? object : { ...object, rules: [] },
};

const JOB_LABELS: ReadonlySet<string> = new Set([
  ...['controller-uid', 'batch.kubernetes.io/controller-uid', 'job-name', 'batch.kubernetes.io/job-name'],
]);

function withoutJobLabels<T extends Record<string, unknown>>(metadata: T): T {
  const { labels, ...rest } = metadata;
  const kept = without(recordOf(labels), (label) => JOB_LABELS.has(label));
  return { ...rest, ...(kept !== undefined && { labels: kept }) } as T;
}

/** A pod without the volume of its token, which admission puts in again. */
function withoutTokenVolume(spec: Record<string, unknown>): Record<string, unknown> {
  const isToken = (item: unknown): boolean =>
    /^kube-api-access-[a-z0-9]{5}$/.test(String(recordOf(item).name));
  const withoutMounts = (containers: unknown): unknown[] | undefined =>
    Array.isArray(containers)
      ? containers.map((container) => {
          const { volumeMounts, ...rest } = recordOf(container);
          const mounts = omitted(volumeMounts, isToken);
          return { ...rest, ...(mounts !== undefined && { volumeMounts: mounts }) };
        })
      : undefined;
  const { volumes, containers, initContainers, ...rest } = spec;
  const kept = {
    volumes: omitted(volumes, isToken),
    containers: withoutMounts(containers),
    initContainers: withoutMounts(initContainers),
  };
  return { ...rest, ...without(kept, (_, value) => value === undefined) };
}

function withSpec(
  object: RawObject,
  change: (spec: Record<string, unknown>) => Record<string, unknown>,
): RawObject {
  if (object.spec === undefined) return object;
  const { spec, ...rest } = object;
  const changed = change(recordOf(spec));
  return (Object.keys(changed).length === 0 ? rest : { ...rest, spec: changed }) as RawObject;
}

/** `record` without some of its fields; undefined where none is left. */
function without<V>(
  record: Record<string, V> | undefined,
  isOut: (key: string, value: V) => boolean,
): Record<string, V> | undefined {
  const kept = Object.entries(record ?? {}).filter(([key, value]) => !isOut(key, value));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** `list` without some of its items; undefined where none is left. */
function omitted(list: unknown, isOut: (item: unknown) => boolean): unknown[] | undefined {
  const kept = listOf(list).filter((item) => !isOut(item));
  return kept.length === 0 ? undefined : kept;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function kindOf(kind: string, group: string): string {
  return group === '' ? kind : `${kind}.${group}`;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.]/g, '\\.');
}
