import { describe, expect, it } from 'vitest';
import { isOfTheCluster, type RawObject, sanitized } from './cluster-sanitize.ts';

/** An object as a server tells it: what is here is what differs from case to case. */
function object(apiVersion: string, kind: string, metadata: object = {}, rest: object = {}): RawObject {
  return {
    apiVersion,
    kind,
    metadata: { name: 'web', ...(kind.startsWith('Cluster') ? {} : { namespace: 'shop' }), ...metadata },
    ...rest,
  };
}

const controller = (apiVersion: string, kind: string) => ({
  ownerReferences: [{ apiVersion, kind, name: 'owner', uid: 'u', controller: true }],
});
const annotated = (annotation: string, value = 'true') => ({ annotations: { [annotation]: value } });
const labelled = (label: string, value = 'true') => ({ labels: { [label]: value } });

describe('a sanitised object', () => {
  it('keeps what users write, and loses what the server wrote', () => {
    const server = {
      uid: '6f1d9a3e',
      resourceVersion: '7',
      generation: 2,
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'kubectl' }],
      selfLink: '/apis',
      finalizers: ['example.com/clean-up'],
      ownerReferences: [
        { apiVersion: 'example.com/v1', kind: 'Shop', name: 'shop', uid: 'u', controller: true },
      ],
    };
    const mine = { labels: { app: 'web' }, annotations: { owner: 'ann' } };
    const annotations = {
      ...mine.annotations,
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'deployment.kubernetes.io/revision': '3',
    };
    const spec = { replicas: 2, template: { metadata: { creationTimestamp: null } } };
    expect(
      sanitized(
        object(
          'apps/v1',
          'Deployment',
          { ...server, ...mine, annotations },
          { spec, status: { replicas: 2 } },
        ),
      ),
    ).toEqual(object('apps/v1', 'Deployment', mine, { spec }));
  });

  it('has no annotations where the server wrote all of them', () => {
    const { metadata } =
      sanitized(object('v1', 'ConfigMap', annotated('deployment.kubernetes.io/revision'))) ?? {};
    expect(metadata).toEqual({ name: 'web', namespace: 'shop' });
  });

  it.each<[string, RawObject, object]>([
    [
      'a Service its addresses',
      object(
        'v1',
        'Service',
        {},
        { spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], type: 'NodePort' } },
      ),
      { spec: { type: 'NodePort' } },
    ],
    [
      'a headless Service nothing',
      object('v1', 'Service', {}, { spec: { clusterIP: 'None', clusterIPs: ['None'] } }),
      { spec: { clusterIP: 'None', clusterIPs: ['None'] } },
    ],
    [
      'a claim the volume that was found for it',
      object('v1', 'PersistentVolumeClaim', annotated('pv.kubernetes.io/bound-by-controller', 'yes'), {
        spec: { volumeName: 'pvc-1', storageClassName: 'fast' },
      }),
      { spec: { storageClassName: 'fast' } },
    ],
    [
      'a claim no volume that its user named',
      object('v1', 'PersistentVolumeClaim', annotated('pv.kubernetes.io/bind-completed', 'yes'), {
        spec: { volumeName: 'by-hand' },
      }),
      { spec: { volumeName: 'by-hand' } },
    ],
    [
      'a claim a volume that its user named and that is not in the dump',
      object(
        'v1',
        'PersistentVolumeClaim',
        {},
        { spec: { volumeName: 'left-out', storageClassName: 'fast' } },
      ),
      { spec: { storageClassName: 'fast' } },
    ],
    [
      'a volume the claim of the other cluster, but not its name',
      object(
        'v1',
        'PersistentVolume',
        {},
        {
          spec: {
            claimRef: {
              apiVersion: 'v1',
              kind: 'PersistentVolumeClaim',
              namespace: 'shop',
              name: 'data',
              uid: 'u',
              resourceVersion: '7',
            },
          },
        },
      ),
      {
        spec: {
          claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data' },
        },
      },
    ],
    [
      'a Namespace its finalizers',
      object('v1', 'Namespace', {}, { spec: { finalizers: ['kubernetes'] } }),
      {},
    ],
    [
      'a ServiceAccount the tokens that were made for it',
      object(
        'v1',
        'ServiceAccount',
        {},
        {
          secrets: [{ name: 'web-token-abcde' }, { name: 'web-tokens' }],
          imagePullSecrets: [{ name: 'web-dockercfg-12345' }],
        },
      ),
      { secrets: [{ name: 'web-tokens' }] },
    ],
    [
      'a Pod its node, its priority and its token',
      object(
        'v1',
        'Pod',
        {},
        {
          spec: {
            nodeName: 'node',
            priority: 0,
            preemptionPolicy: 'PreemptLowerPriority',
            ephemeralContainers: [{ name: 'debug' }],
            containers: [
              { name: 'web', volumeMounts: [{ name: 'kube-api-access-abcde' }, { name: 'data' }] },
              { name: 'log' },
            ],
            volumes: [{ name: 'kube-api-access-abcde' }, { name: 'data' }],
          },
        },
      ),
      {
        spec: {
          containers: [{ name: 'web', volumeMounts: [{ name: 'data' }] }, { name: 'log' }],
          volumes: [{ name: 'data' }],
        },
      },
    ],
    [
      'a Job the selector that was made for it',
      object(
        'batch/v1',
        'Job',
        {},
        {
          spec: {
            selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
            template: {
              metadata: { labels: { 'controller-uid': 'u', 'job-name': 'web', app: 'web' } },
              spec: {},
            },
          },
        },
      ),
      { spec: { template: { metadata: { labels: { app: 'web' } }, spec: {} } } },
    ],
    [
      'a Job no selector of its own',
      object(
        'batch/v1',
        'Job',
        {},
        { spec: { manualSelector: true, selector: { matchLabels: { a: 'b' } }, template: {} } },
      ),
      { spec: { manualSelector: true, selector: { matchLabels: { a: 'b' } }, template: {} } },
    ],
    [
      'a ClusterRole the rules that come from others',
      object(
        'rbac.authorization.k8s.io/v1',
        'ClusterRole',
        {},
        { aggregationRule: {}, rules: [{ verbs: ['get'] }] },
      ),
      { aggregationRule: {}, rules: [] },
    ],
  ])('takes from %s', (_, given, left) => {
    const { apiVersion, kind, metadata, ...rest } =
      sanitized(given, new Set(['left-out'])) ?? ({} as RawObject);
    expect(rest).toEqual(left);
    expect(metadata).toEqual({ name: 'web', namespace: metadata?.namespace });
  });

  it.each<[string, RawObject]>([
    ['is being deleted', object('v1', 'ConfigMap', { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['a ReplicaSet of a Deployment', object('apps/v1', 'ReplicaSet', controller('apps/v1', 'Deployment'))],
    ['a Pod of whatever owner', object('v1', 'Pod', controller('argoproj.io/v1', 'Workflow'))],
    ['a Job of a CronJob', object('batch/v1', 'Job', controller('batch/v1', 'CronJob'))],
    [
      'a Job that is done',
      object('batch/v1', 'Job', {}, { status: { conditions: [{ type: 'Complete', status: 'True' }] } }),
    ],
    ['a Pod that is done', object('v1', 'Pod', {}, { status: { phase: 'Succeeded' } })],
    ['a token', object('v1', 'Secret', {}, { type: 'kubernetes.io/service-account-token' })],
    ["a namespace's authority", object('v1', 'ConfigMap', { name: 'kube-root-ca.crt' })],
    [
      "a namespace's own ServiceAccount",
      object('v1', 'ServiceAccount', { name: 'default' }, { secrets: [{ name: 'default-token-abcde' }] }),
    ],
    ["the API server's Service", object('v1', 'Service', { name: 'kubernetes', namespace: 'default' })],
    [
      'Endpoints of a Service',
      object('v1', 'Endpoints', labelled('endpoints.kubernetes.io/managed-by', 'endpoint-controller'), {
        subsets: [{}],
      }),
    ],
    ['Endpoints without any', object('v1', 'Endpoints')],
    [
      'an EndpointSlice of a controller',
      object(
        'discovery.k8s.io/v1',
        'EndpointSlice',
        labelled('endpointslice.kubernetes.io/managed-by', 'endpointslice-controller.k8s.io'),
      ),
    ],
    [
      'a provisioned volume',
      object('v1', 'PersistentVolume', annotated('pv.kubernetes.io/provisioned-by', 'csi')),
    ],
    [
      'an APIService of the server itself',
      object(
        'apiregistration.k8s.io/v1',
        'APIService',
        labelled('kube-aggregator.kubernetes.io/automanaged', 'onstart'),
      ),
    ],
    [
      'a role of the server itself',
      object(
        'rbac.authorization.k8s.io/v1',
        'ClusterRole',
        annotated('rbac.authorization.kubernetes.io/autoupdate'),
      ),
    ],
    [
      'a flow schema of the server itself',
      object('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', annotated('apf.kubernetes.io/autoupdate-spec')),
    ],
    [
      'a priority of the server itself',
      object('scheduling.k8s.io/v1', 'PriorityClass', { name: 'system-node-critical' }),
    ],
  ])('is none where it is %s', (_, given) => {
    expect(sanitized(given)).toBeUndefined();
  });

  it.each<[string, RawObject]>([
    ['a ReplicaSet of nobody', object('apps/v1', 'ReplicaSet')],
    ['a Secret that an operator made', object('v1', 'Secret', controller('acid.zalan.do/v1', 'postgresql'))],
    ['a ConfigMap that a Deployment owns', object('v1', 'ConfigMap', controller('apps/v1', 'Deployment'))],
    ['a Job that runs', object('batch/v1', 'Job', {}, { status: { active: 1 }, spec: { template: {} } })],
    [
      'a default ServiceAccount with pull secrets',
      object('v1', 'ServiceAccount', { name: 'default' }, { imagePullSecrets: [{ name: 'mine' }] }),
    ],
    [
      'a ConfigMap of the name in another namespace',
      object('v1', 'ConfigMap', { name: 'extension-apiserver-authentication' }),
    ],
    [
      'Endpoints of a user',
      object('v1', 'Endpoints', {}, { subsets: [{ addresses: [{ ip: '192.0.2.1' }] }] }),
    ],
    ["a user's PriorityClass", object('scheduling.k8s.io/v1', 'PriorityClass', { name: 'shop' })],
    ['a kind of somebody else that is called as one of ours', object('example.com/v1', 'Event')],
  ])('is there where it is %s', (_, given) => {
    expect(sanitized(given)).toBeDefined();
  });
});

describe('what only a cluster writes', () => {
  it.each([
    ['', 'Node', ['create', 'list'], true],
    ['', 'Event', ['create', 'list'], true],
    ['events.k8s.io', 'Event', ['create', 'list'], true],
    ['coordination.k8s.io', 'Lease', ['create', 'list'], true],
    ['metrics.k8s.io', 'PodMetrics', ['get', 'list'], true],
    ['stash.appscode.com', 'RestoreSession', ['create', 'list'], true],
    ['stash.appscode.com', 'BackupConfiguration', ['create', 'list'], false],
    ['example.com', 'Event', ['create', 'list'], false],
    ['', 'ConfigMap', ['create', 'list'], false],
  ])('%s %s with %j: %s', (group, kind, verbs, isIt) => {
    expect(isOfTheCluster({ group, kind, verbs })).toBe(isIt);
  });
});
