import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupSession } from '../../../src/api/backup-session.ts';
import { apiVersionOf, BACKUP_CONFIGURATIONS, FUNCTIONS, TASKS } from '../../../src/api/resources.ts';
import { jobs, pods } from '../../../src/kube/resource.ts';
import { holdRestic } from '../agent.ts';
import { admitted, client, type Pod, useNamespace } from '../cluster.ts';
import { cutPower, restorePower } from '../node.ts';
import { backupConfiguration, backupSession, claim, DATA, deployment, repository } from '../objects.ts';

/* A node goes out, in the midst of a backup by a sidecar and of one by a Job: nobody is left who could say that they ended. */

const namespace = useNamespace('e2e-lost-node');
const step = 'e2e-patient-step';
let isOut = false;

beforeAll(async () => {
  const until = `until [ -e ${DATA}/go ]; do sleep 0.2; done`;
  const patient = {
    ...{ image: 'busybox', imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', until] },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
    volumeMounts: [{ name: '${target.name}', mountPath: '${mountPath}' }],
  };
  const functions = [step, 'volume-backup', 'stash-post-backup'].map((name) => ({ name }));
  for (const [resource, spec] of [[FUNCTIONS, patient] as const, [TASKS, { functions }] as const]) {
    const { kind } = resource;
    const object = { apiVersion: apiVersionOf(resource), kind, metadata: { name: step }, spec };
    await admitted(() => client.apply(resource, object, { fieldManager: 'e2e', force: true }));
  }
  await namespace.apply(
    claim('data'),
    repository('sidecar'),
    repository('job'),
    backupConfiguration('sidecar'),
    {
      apiVersion: apiVersionOf(BACKUP_CONFIGURATIONS),
      kind: BACKUP_CONFIGURATIONS.kind,
      metadata: { name: 'job' },
      ...{
        spec: {
          schedule: '@yearly',
          repository: { name: 'job' },
          task: { name: step },
          target: {
            ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' },
            mountPath: DATA,
          },
        },
      },
    },
    deployment('sidecar', { claim: 'data', seed: `echo precious > ${DATA}/file` }),
  );
  await namespace.settledWithSidecar('sidecar');
});

afterAll(async () => {
  if (isOut) await restorePower(namespace.name);
  for (const resource of [TASKS, FUNCTIONS]) await client.delete(resource, step);
});

/** The pod of the Job `job`, once its step runs that waits. */
const podAtWork = () =>
  namespace.until('the step to run', async () => {
    const [pod] = await namespace.list<Pod>(pods, 'batch.kubernetes.io/job-name=before');
    const status = pod?.status.initContainerStatuses?.find(({ name }) => name === step);
    return status?.state?.running && pod;
  });

const conditionOf = ({ status }: BackupSession) =>
  status?.conditions?.find(({ type }) => type === 'Succeeded');

it('is Failed with NodeLost where its node is gone, long before its pod is evicted', async () => {
  const workload = await namespace.podOf('sidecar');
  const restic = await holdRestic(namespace, workload, 'backup');
  await namespace.apply(backupSession('before', 'job'), backupSession('before-too', 'sidecar'));
  const [job] = await Promise.all([podAtWork(), restic.held]);
  isOut = true;
  await cutPower([workload, job]);
  const sessions = await Promise.all(
    ['before', 'before-too'].map((name) => namespace.backupEnded(name, 'Failed', 200)),
  );
  for (const session of sessions) {
    const message = expect.stringContaining('the node node of the pod') as string;
    expect(conditionOf(session)).toMatchObject({ status: 'False', reason: 'NodeLost', message });
  }
  await expect(namespace.get(jobs, 'before')).rejects.toMatchObject({ status: 404 });
});

it('is followed by one that succeeds, once the node is back', async () => {
  await restorePower(namespace.name);
  isOut = false;
  const workload = await namespace.podOf('sidecar');
  await namespace.sh(workload, `touch ${DATA}/go`);
  await namespace.apply(backupSession('after', 'job'), backupSession('after-too', 'sidecar'));
  await Promise.all(['after', 'after-too'].map((name) => namespace.backupEnded(name, 'Succeeded', 240)));
});
