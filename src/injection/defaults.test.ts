import { expect, it } from 'vitest';
import { templateFingerprint } from './defaults.ts';

const pod = (spec: object) => templateFingerprint({ metadata: { labels: { app: 'a' } }, spec });
const container = (fields: object) => pod({ containers: [{ name: 'a', image: 'a:1', ...fields }] });
const volume = (source: object) => pod({ volumes: [{ name: 'a', ...source }] });

const same: [string, string, string][] = [
  [
    'the defaults of a pod',
    pod({}),
    pod({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
    }),
  ],
  [
    'the defaults of a container',
    container({}),
    container({
      imagePullPolicy: 'IfNotPresent',
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      resources: {},
    }),
  ],
  [
    'the policy for an image without a tag',
    container({ image: 'r:5000/a' }),
    container({ image: 'r:5000/a', imagePullPolicy: 'Always' }),
  ],
  [
    'the policy for a digest',
    container({ image: 'a@sha256:0' }),
    container({ image: 'a@sha256:0', imagePullPolicy: 'IfNotPresent' }),
  ],
  [
    'quantities',
    container({ resources: { limits: { cpu: 0.5 } } }),
    container({ resources: { limits: { cpu: '500m' }, requests: { cpu: '500m' } } }),
  ],
  ['an empty value', container({ env: [{ name: 'A', value: '' }] }), container({ env: [{ name: 'A' }] })],
  [
    'a field reference',
    container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'x' } } }] }),
    container({ env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'x' } } }] }),
  ],
  [
    'a port',
    container({ ports: [{ containerPort: 1 }] }),
    container({ ports: [{ containerPort: 1, protocol: 'TCP' }] }),
  ],
  [
    'a probe',
    container({ livenessProbe: { httpGet: { port: 1 } } }),
    container({
      livenessProbe: {
        httpGet: { port: 1, path: '/', scheme: 'HTTP' },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
    }),
  ],
  [
    'the older name of the ServiceAccount',
    pod({ serviceAccount: 'a' }),
    pod({ serviceAccount: 'a', serviceAccountName: 'a' }),
  ],
  [
    'the mode of files',
    volume({ secret: { secretName: 'a' } }),
    volume({ secret: { secretName: 'a', defaultMode: 420 } }),
  ],
  ['a hostPath', volume({ hostPath: { path: '/' } }), volume({ hostPath: { path: '/', type: '' } })],
];

it.each(same)('is the same with and without %s', (_, written, sent) => {
  expect(sent).toBe(written);
});

const different: [string, string, string][] = [
  ['root', container({ securityContext: { runAsUser: 0 } }), container({ securityContext: {} })],
  ['a token that is switched off', pod({ automountServiceAccountToken: false }), pod({})],
  [
    'the storage class that is none',
    volume({ ephemeral: { volumeClaimTemplate: { spec: { storageClassName: '' } } } }),
    volume({ ephemeral: { volumeClaimTemplate: { spec: {} } } }),
  ],
  [
    'a native sidecar',
    pod({ initContainers: [{ name: 'a', restartPolicy: 'Always' }] }),
    pod({ initContainers: [{ name: 'a' }] }),
  ],
  ['another image', container({ image: 'a:2' }), container({})],
  ['a pull policy of its own', container({ imagePullPolicy: 'Always' }), container({})],
  [
    'a limit',
    container({ resources: { limits: { cpu: '1' } } }),
    container({ resources: { limits: { cpu: '2' } } }),
  ],
  [
    'requests below the limits',
    container({ resources: { limits: { cpu: 1 }, requests: { cpu: '1m' } } }),
    container({ resources: { limits: { cpu: 1 } } }),
  ],
  ['files that others may not read', volume({ secret: { defaultMode: 256 } }), volume({ secret: {} })],
];

it.each(different)('tells the difference that %s makes', (_, one, other) => {
  expect(one).not.toBe(other);
});
