import { describe, expect, it } from 'vitest';
import { aWorkload } from './objects.fixture.ts';
import { keyOfWorkload, WorkloadCaches, workloadKey } from './workload-caches.ts';

describe('the workloads of all kinds', () => {
  const deployment = aWorkload();
  const statefulSet = aWorkload({ kind: 'StatefulSet', metadata: { uid: 'other' } });

  it('hold two of one name apart', () => {
    const workloads = new WorkloadCaches();
    workloads.of('Deployment').set(deployment);
    workloads.of('StatefulSet').set(statefulSet);
    expect(workloads.get(keyOfWorkload(deployment))).toEqual(deployment);
    expect(workloads.get(workloadKey('demo', { kind: 'StatefulSet', name: 'shop' }))).toEqual(statefulSet);
    expect(workloads.get('demo/DaemonSet/shop')).toBeUndefined();
    expect(workloads.get('demo/Job/shop')).toBeUndefined();
    expect(workloads.inNamespace('demo')).toEqual([deployment, statefulSet]);
    expect([...workloads.list()]).toHaveLength(2);
  });

  it('are not taken away by a list of another kind', () => {
    const workloads = new WorkloadCaches();
    workloads.of('Deployment').set(deployment);
    workloads.of('DaemonSet').replacement().commit();
    expect(workloads.get(keyOfWorkload(deployment))).toBeDefined();
  });

  it('tell a listener of each kind, until it is taken off', () => {
    const workloads = new WorkloadCaches();
    const heard: string[] = [];
    const stop = workloads.listen({ added: (workload) => heard.push(workload.kind) });
    workloads.of('Deployment').set(deployment);
    workloads.of('StatefulSet').set(statefulSet);
    stop();
    workloads.of('DaemonSet').set(aWorkload({ kind: 'DaemonSet' }));
    expect(heard).toEqual(['Deployment', 'StatefulSet']);
  });

  it('keep of a status what is used', () => {
    const workloads = new WorkloadCaches();
    const condition = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };
    const status = { desiredNumberScheduled: 3, numberReady: 2 };
    workloads.of('DaemonSet').set({ ...aWorkload({ kind: 'DaemonSet' }), status });
    workloads.of('Deployment').set({ ...deployment, status: {} });
    expect(workloads.get('demo/DaemonSet/shop')?.status).toEqual({ desiredNumberScheduled: 3 });
    expect(workloads.get('demo/Deployment/shop')).not.toHaveProperty('status');
    const conditions = [condition, { ...condition, type: 'Progressing' }];
    workloads.of('Deployment').set({ ...deployment, status: { replicas: 1, conditions } });
    expect(workloads.get('demo/Deployment/shop')?.status).toEqual({ replicas: 1, conditions: [condition] });
  });
});
