import type { BackupConfiguration } from '../src/api/backup-configuration.ts';
import type { Repository } from '../src/api/repository.ts';

/* What the API server asks of a webhook, as it would send it: a Deployment of some 2.7 KB that is created. */

export const NAMESPACE = 'shop';

/** So many workloads that no two reviews in a row are alike: a cluster creates each of its workloads once. */
export const WORKLOADS = 1_000;

/** The AdmissionReview of the workload `serial`, as JSON. */
export function review(serial: number): string {
  const name = `checkout-${serial}`;
  const object = deployment(name, serial);
  const group = { group: 'apps', version: 'v1' };
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: `705ab4f5-6393-11e8-b7cc-${String(serial).padStart(12, '0')}`,
      kind: { ...group, kind: 'Deployment' },
      resource: { ...group, resource: 'deployments' },
      requestKind: { ...group, kind: 'Deployment' },
      requestResource: { ...group, resource: 'deployments' },
      name,
      namespace: NAMESPACE,
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:ci:deployer',
        uid: 'd3f0ffee-0000-4000-8000-000000000001',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'],
      },
      object,
      oldObject: null,
      dryRun: false,
      options: {
        kind: 'CreateOptions',
        apiVersion: 'meta.k8s.io/v1',
        fieldManager: 'kubectl-client-side-apply',
      },
    },
  });
}

function deployment(name: string, serial: number) {
  const labels = { app: name, 'app.kubernetes.io/part-of': 'shop' };
  const probe = (path: string) => ({
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  return {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name, namespace: NAMESPACE, creationTimestamp: null, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { creationTimestamp: null, labels, annotations: { 'prometheus.io/scrape': 'true' } },
        spec: {
          volumes: [
            { name: 'data', persistentVolumeClaim: { claimName: `${name}-data` } },
            { name: 'settings', configMap: { name: `${name}-settings`, defaultMode: 420 } },
          ],
          containers: [
            {
              name: 'app',
              image: `registry.example.com/shop/checkout:1.${serial}`,
              ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
              env: [
                { name: 'DATABASE_HOST', value: `postgres-${serial}.shop.svc` },
                { name: 'DATABASE_NAME', value: 'checkout' },
                { name: 'LOG_LEVEL', value: 'info' },
                {
                  name: 'DATABASE_PASSWORD',
                  valueFrom: { secretKeyRef: { name: `${name}-database`, key: 'password' } },
                },
              ],
              resources: {
                limits: { cpu: '1', memory: '512Mi' },
                requests: { cpu: '100m', memory: '256Mi' },
              },
              volumeMounts: [
                { name: 'data', mountPath: '/var/lib/checkout' },
                { name: 'settings', readOnly: true, mountPath: '/etc/checkout' },
              ],
              livenessProbe: probe('/healthz'),
              readinessProbe: probe('/readyz'),
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
              imagePullPolicy: 'IfNotPresent',
              securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: 1000 },
            },
          ],
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: 30,
          dnsPolicy: 'ClusterFirst',
          securityContext: { fsGroup: 1000 },
          schedulerName: 'default-scheduler',
        },
      },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
    status: {},
  };
}

/** A configuration of the workload `serial`, and the Repository of all of them. */
export function configuration(serial: number): BackupConfiguration {
  const name = `checkout-${serial}`;
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: { name, namespace: NAMESPACE, uid: `configuration-${serial}`, resourceVersion: '1' },
    spec: {
      schedule: '@daily',
      paused: false,
      repository: { name: repository.metadata.name },
      target: {
        ref: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        directories: ['/var/lib/checkout'],
      },
      timeout: '24h',
      startingDeadline: '1h',
      backupHistoryLimit: 3,
      retry: { limit: 0, delay: '1m' },
      scheduler: 'Stash',
      rollout: 'Automatic',
    },
  };
}

export const repository: Repository = {
  apiVersion: 'stash.appscode.com/v1alpha2',
  kind: 'Repository',
  metadata: { name: 'offsite', namespace: NAMESPACE, uid: 'repository', resourceVersion: '1' },
  spec: {
    backend: {
      s3: { endpoint: 'https://s3.example.com', bucket: 'backups', prefix: 'shop' },
      storageSecretName: 'offsite',
    },
  },
  status: {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: 'ok',
        lastTransitionTime: '2026-11-24T12:00:00Z',
      },
    ],
  },
};
