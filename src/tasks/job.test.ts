import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobOptions, jobName, jobOf, type TaskJob } from './job.ts';
import { claim, functionOf, runOf, taskOf } from './run.fixture.ts';
import type { ClaimUser, TaskRun } from './run.ts';

const OPTIONS: JobOptions = {
  image: 'stash:1',
  imagePullSecrets: ['installation'],
  resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  secondsLeft: 90.5,
};

const dump = functionOf('dump', {
  image: 'dump:1',
  args: ['$(POD_NAME)'],
  runtimeSettings: { env: [{ name: 'NODE_NAME', value: 'own' }] },
});
const post = functionOf('post', { volumeMounts: [{ name: 'demo-pvc', mountPath: '/data' }] });

const backup = (difference: Partial<TaskRun> = {}) =>
  runOf([dump, functionOf('post')], taskOf('dump', 'post'), {
    session: { kind: 'BackupSession', name: 'nightly-1', namespace: 'demo', uid: 'uid-1' },
    ...difference,
  });

const backupOfClaim = (claimUser?: ClaimUser) =>
  runOf([dump, post], taskOf('dump', 'post'), {
    ...claim,
    ...(claimUser !== undefined && { claimUser }),
  });

function made(run: TaskRun, options = OPTIONS): TaskJob {
  const { job, problems } = jobOf(run, options);
  expect(problems).toEqual([]);
  if (job === undefined) throw new Error('no Job');
  return job;
}

const containersOf = ({ spec }: TaskJob) => {
  const { initContainers = [], containers } = spec.template.spec;
  return [...initContainers, ...containers];
};

describe('jobOf', () => {
  it('makes one run, which goes with its session and ends at its deadline', () => {
    const { metadata, spec } = made(backup());
    expect(metadata).toEqual({
      name: 'nightly-1',
      namespace: 'demo',
      labels: {
        'app.kubernetes.io/name': 'stash',
        'app.kubernetes.io/component': 'task',
        'app.kubernetes.io/managed-by': 'stash',
      },
      ownerReferences: [
        {
          apiVersion: 'stash.appscode.com/v1beta1',
          kind: 'BackupSession',
          name: 'nightly-1',
          uid: 'uid-1',
          controller: true,
        },
      ],
    });
    expect(spec).toMatchObject({
      backoffLimit: 0,
      activeDeadlineSeconds: 91,
      ttlSecondsAfterFinished: 86_400,
      template: { spec: { restartPolicy: 'Never' } },
    });
  });

  it('has no owner where there is no session yet, and no deadline where none is known', () => {
    const { secondsLeft: _, ...options } = OPTIONS;
    const session = { kind: 'BackupSession', name: 'nightly-1', namespace: 'demo' } as const;
    const job = made(backup({ session }), options);
    expect(job.metadata).not.toHaveProperty('ownerReferences');
    expect(job.spec).not.toHaveProperty('activeDeadlineSeconds');
  });

  it('waits in a container of its own before the first step, which has all that a step has', () => {
    const [prepare, first, last] = containersOf(made(backup()));
    expect([prepare?.name, first?.name, last?.name]).toEqual(['stash-prepare', 'dump', 'post']);
    expect(prepare).toMatchObject({
      image: 'stash:1',
      command: ['stash'],
      args: ['agent', 'prepare', '--kind=BackupSession', '--session=nightly-1'],
      resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      securityContext: { readOnlyRootFilesystem: true },
    });
    expect(prepare?.env).toContainEqual({ name: 'RESTIC_REPOSITORY', value: '/backup/shop' });
    expect(prepare?.volumeMounts).toEqual(last?.volumeMounts);
  });

  it('lets every step report, as nobody but its own pod', () => {
    const job = made(backup());
    for (const container of containersOf(job)) {
      expect(container.env).toContainEqual({
        name: 'POD_UID',
        valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } },
      });
      expect(container.volumeMounts).toContainEqual({
        name: 'stash-token',
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        readOnly: true,
      });
      expect(container.terminationMessagePolicy).toBe('FallbackToLogsOnError');
    }
    expect(job.spec.template.spec).toMatchObject({
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
    expect(job.spec.template.spec.volumes.map(({ name }) => name)).toContain('stash-token');
  });

  it('leaves a step its own variable, and the names of ours to Kubernetes', () => {
    const [, first] = containersOf(made(backup()));
    expect(first?.env.filter(({ name }) => name === 'NODE_NAME')).toEqual([
      { name: 'NODE_NAME', value: 'own' },
    ]);
    expect(first?.args).toEqual(['$(POD_NAME)']);
  });

  it('asks for resources where nobody else does, since a quota may ask for requests of all', () => {
    const small = functionOf('small', { runtimeSettings: { resources: { limits: { memory: '64Mi' } } } });
    const job = made(runOf([dump, small], taskOf('dump', 'small')));
    expect(containersOf(job).map(({ resources }) => resources)).toEqual([
      OPTIONS.resources,
      { requests: OPTIONS.resources.requests },
      { limits: { memory: '64Mi' } },
    ]);
  });

  it('pulls images with the Secrets of the installation and of the configuration', () => {
    const runtimeSettings = {
      pod: { imagePullSecrets: [{ name: 'own' }, { name: 'installation' }], serviceAccountName: 'dumper' },
    };
    expect(made(backup({ runtimeSettings })).spec.template.spec).toMatchObject({
      imagePullSecrets: [{ name: 'installation' }, { name: 'own' }],
      serviceAccountName: 'dumper',
    });
  });

  it('works as nobody where nobody has the claim, within the restricted Pod Security Standard', () => {
    for (const job of [made(backup()), made(backupOfClaim())]) {
      const { securityContext } = job.spec.template.spec;
      expect(securityContext).toMatchObject({
        runAsUser: 65_534,
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of containersOf(job)) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.securityContext).not.toHaveProperty('capabilities.add');
      }
    }
  });

  it('works as whoever has the claim, on its node, without an fsGroup', () => {
    const job = made(
      backupOfClaim({
        podSecurityContext: { runAsUser: 0, supplementalGroups: [2000] },
        capabilities: ['DAC_OVERRIDE'],
        tolerations: [{ key: 'data', operator: 'Exists' }],
        nodeName: 'node-1',
      }),
    );
    const { spec } = job.spec.template;
    expect(spec.securityContext).toEqual({
      runAsUser: 0,
      supplementalGroups: [2000],
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const capabilities = containersOf(job).map(({ securityContext }) => securityContext.capabilities);
    expect(capabilities).toEqual([
      { drop: ['ALL'], add: ['DAC_OVERRIDE'] },
      { drop: ['ALL'], add: ['DAC_OVERRIDE'] },
      { drop: ['ALL'], add: ['DAC_OVERRIDE'] },
    ]);
    expect(spec.tolerations).toEqual([{ key: 'data', operator: 'Exists' }]);
    expect(spec.affinity).toEqual({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] },
          ],
        },
      },
    });
  });

  it('gives the capabilities to none but those that have files of others', () => {
    const remote = runOf([dump, post], taskOf('dump', 'post'), {
      ...claim,
      claimUser: { podSecurityContext: { runAsUser: 0 }, capabilities: ['DAC_OVERRIDE'] },
      repository: {
        apiVersion: 'stash.appscode.com/v1alpha2',
        kind: 'Repository',
        metadata: { name: 'remote', namespace: 'demo' },
        spec: { backend: { s3: { bucket: 'b' }, storageSecretName: 'secret' } },
      },
    });
    const added = containersOf(made(remote)).map(({ securityContext }) => securityContext.capabilities);
    expect(added).toEqual([{ drop: ['ALL'] }, { drop: ['ALL'] }, { drop: ['ALL'], add: ['DAC_OVERRIDE'] }]);
  });

  it('is not made of a Task that cannot be resolved, and tells every problem', () => {
    const { job, problems } = jobOf(runOf([dump], taskOf('dump', 'post', 'more')), OPTIONS);
    expect(job).toBeUndefined();
    expect(problems.map(({ path }) => path)).toEqual(['spec.functions[1].name', 'spec.functions[2].name']);
  });

  it('refuses a Function a mount over its token', () => {
    const bold = functionOf('bold', {
      volumeMounts: [{ name: 'stash-tmp', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount/' }],
    });
    const { problems } = jobOf(runOf([bold], taskOf('bold')), OPTIONS);
    expect(problems).toMatchObject([{ path: 'spec.volumeMounts[0].mountPath' }]);
  });

  it('makes the same Job of the same run, and names nothing but the session, its Task and its volumes', () => {
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?$/);
    fc.assert(
      fc.property(name, name, name, (session, namespace, pvc) => {
        const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: pvc };
        const run = () =>
          runOf([dump, functionOf('post')], taskOf('dump', 'post'), {
            session: { kind: 'RestoreSession', name: session, namespace, uid: 'uid' },
            target: { ref, mountPath: '/data' },
          });
        const job = made(run());
        expect(made(run())).toEqual(job);
        expect(job.metadata.namespace).toBe(namespace);
        expect(job.metadata.name.length).toBeLessThanOrEqual(63);
        const claims = job.spec.template.spec.volumes.flatMap((volume) =>
          'persistentVolumeClaim' in volume
            ? [(volume.persistentVolumeClaim as { claimName: string }).claimName]
            : [],
        );
        // A step mounts a claim only where it asks for it.
        expect(claims).toEqual(['backups']);
        expect(JSON.stringify(job.spec)).not.toMatch(/hostPath|hostNetwork|privileged/);
      }),
    );
  });
});

describe('the name of a Job', () => {
  it('is that of its session, where a label has room for it', () => {
    const backupJob = (name: string) => jobName({ kind: 'BackupSession', name });
    expect(backupJob('nightly-1')).toBe('nightly-1');
    const long = backupJob('x'.repeat(200));
    expect(long).toHaveLength(63);
    expect(backupJob(`${'x'.repeat(200)}y`)).not.toBe(long);
  });

  it('is another for a restore that has the name of a backup', () => {
    expect(jobName({ kind: 'RestoreSession', name: 'nightly-1' })).toBe('nightly-1-restore');
    const long = 'x'.repeat(63);
    const restore = jobName({ kind: 'RestoreSession', name: long });
    expect(restore).toHaveLength(63);
    expect(restore).not.toBe(jobName({ kind: 'BackupSession', name: long }));
  });
});
