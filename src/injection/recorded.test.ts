import { expect, it } from 'vitest';
import { templateFingerprint } from './defaults.ts';
import { backup, deployment, OPTIONS, REPOSITORY, restore } from './fixtures.ts';
import { inject } from './inject.ts';
import { podTemplateOf } from './pod.ts';
import { type Raw, rawOf } from './raw.ts';
import { readRecord } from './record.ts';

/*
 * What is written here stands in workloads. Another fingerprint of the same is a change to all of them, and rolls every one out at the
 * upgrade that brings it.
 */

const probe = { httpGet: { path: '/', port: 'http', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 5 };

const template: Raw = {
  metadata: { creationTimestamp: null, labels: { app: 'café', 'a/b': '☃' }, annotations: {} },
  spec: {
    containers: [
      {
        name: 'app',
        image: 'r:5000/app@sha256:0',
        imagePullPolicy: 'IfNotPresent',
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } },
        ],
        ports: [{ name: '', containerPort: 8080, protocol: 'TCP' }],
        resources: { limits: { cpu: 0.5, memory: '1Gi' }, requests: { cpu: '500m', memory: '512Mi' } },
        readinessProbe: probe,
        lifecycle: { preStop: { httpGet: { path: '/', port: 1 } } },
        securityContext: { runAsUser: 0, runAsNonRoot: false },
        volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: false }],
        tty: false,
      },
      { name: 'plain', image: 'plain', imagePullPolicy: 'Always', resources: {} },
    ],
    initContainers: [{ name: 'native', image: 'native:2', restartPolicy: 'Always' }],
    volumes: [
      { name: 'data', emptyDir: { sizeLimit: '0.5Gi', medium: '' } },
      { name: 'files', secret: { secretName: 'files', defaultMode: 420 } },
      { name: 'own', configMap: { name: 'own', defaultMode: 256 } },
    ],
    serviceAccount: 'app',
    terminationGracePeriodSeconds: 30,
    tolerations: [{ key: 'a', operator: 'Exists', effect: '' }],
    unknown: { deep: [[], [1, null, { x: 1.5e300 }]] },
  },
};

it.each([
  ['as it was sent', template, '9fc8496b6f4e0328'],
  ['with both names of its ServiceAccount', withSpec({ serviceAccountName: 'app' }), '9fc8496b6f4e0328'],
  [
    'with an older name that says something else',
    withSpec({ serviceAccountName: 'else' }),
    '92db80ee3f1189dd',
  ],
  ['empty', {}, 'e3b0c44298fc1c14'],
])('the fingerprint of a template is what it has always been: %s', (_, given, print) => {
  expect(templateFingerprint(given)).toBe(print);
});

function withSpec(fields: Raw): Raw {
  return { ...template, spec: { ...rawOf(template.spec), ...fields } };
}

it('the record of an injection is what it has always been', () => {
  const wanted = {
    backups: [
      backup({ settings: { resources: { limits: { cpu: '1' } } }, imagePullSecrets: ['mine', 'also'] }),
      backup({ name: 'weekly', directories: ['/data//x/', '/data'], container: 'app' }),
      backup({ name: 'nfs', repository: { ...REPOSITORY, name: 'b', local: undefined } }),
    ],
    restores: [restore({ uid: 'u' })],
  };
  const workload = deployment(rawOf(template.spec));
  const record = readRecord(
    rawOf(rawOf(podTemplateOf(inject(workload, wanted, OPTIONS).workload)?.metadata).annotations),
  );
  expect(record).toMatchObject({
    backupsServed: ['924c3156eab27d59', 'fafe0e144ec59e20', '7c8b5d6f99d614cf'],
    backupsWishes: ['3c03ad4f7fd5e726', '051262862b28a6bd', 'f41d36b2a55cd882'],
    backupsWanted: '6bc5cad514d0dde2',
    // Of what was put in, image and all: another where that is, and compared with what stands alone.
    parts: '7456600048ac683a',
    restoresServed: ['c7616b402b984f8c'],
    template: '641bd64af93b0614',
  });
});
