import { describe, expect, it } from 'vitest';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { findCondition } from '../api/conditions.ts';
import { deployment, OPTIONS } from '../injection/fixtures.ts';
import { inject } from '../injection/inject.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { createCaches } from './caches.ts';
import { configurationStatus } from './configuration-status.ts';
import type { Context } from './context.ts';
import { aConfiguration, aRepository, aWorkload } from './objects.fixture.ts';
import { RefusalWatch } from './refusal-watch.ts';
import { wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';

/** What is said of a configuration whose Deployment has the sidecar, and which Events are made of it. */
async function told(replicas: number, volume: object, repository = aRepository()) {
  const caches = createCaches();
  caches.repositories.set(repository);
  caches.configurations.set(aConfiguration({ spec: { target: { directories: ['/data'] } } }));
  const { spec } = deployment({ volumes: [{ name: 'data', ...volume }] }) as unknown as Workload;
  const own = aWorkload({ spec: { ...spec, replicas } });
  const wanted = wantedFor(caches, 'demo', 'Deployment', 'shop');
  caches.workloads.of('Deployment').set(inject(own, wanted, OPTIONS).workload);
  const written: BackupConfiguration[] = [];
  const events: string[] = [];
  const client = {
    mergePatch: (_resource: unknown, _name: string, _namespace: string, patch: BackupConfiguration) =>
      Promise.resolve(written.push(patch)),
  } as unknown as Context['client'];
  const clock = manualClock(0);
  const context = {
    ...{ client, caches, clock, injection: OPTIONS },
    events: { record: ({ reason }: { reason: string }) => events.push(reason) },
  } as unknown as Context;
  await configurationStatus(context, new RefusalWatch(client, clock))('demo/shop');
  const conditions = written.at(-1)?.status?.conditions;
  return {
    ready: findCondition(conditions, 'Ready'),
    injected: findCondition(conditions, 'SidecarInjected'),
    events,
  };
}

describe('a configuration whose Deployment has the sidecar', () => {
  it('is not ready where each of several pods has a volume of its own: there would be one backup of them all', async () => {
    const { ready, injected, events } = await told(2, { emptyDir: {} });
    expect(ready).toMatchObject({ status: 'False', reason: 'SeparateVolumes' });
    expect(ready?.message).toContain('/data lies in the volume "data" (emptyDir)');
    expect(injected).toMatchObject({ status: 'True' });
    expect(events).toEqual(['SeparateVolumes']);
  });

  it.each([
    [1, { emptyDir: {} }],
    [2, { persistentVolumeClaim: { claimName: 'data' } }],
  ])('is ready with %i pods and %j', async (replicas, volume) => {
    const { ready, events } = await told(replicas, volume);
    expect(ready).toMatchObject({ status: 'True' });
    expect(events).toEqual([]);
  });

  it('is told of a repository that each node has for itself, where its pods may be on several', async () => {
    const { spec, ...rest } = aRepository();
    const local = { hostPath: { path: '/srv/backups' } };
    const onNode = { ...rest, spec: { ...spec, backend: { ...spec.backend, local } } };
    const claim = { persistentVolumeClaim: { claimName: 'data' } };
    const { ready, injected } = await told(2, claim, onNode);
    expect(injected?.message).toContain('unless every node has the same storage mounted at /srv/backups');
    expect(ready).toMatchObject({ status: 'True' });
    expect((await told(1, claim, onNode)).injected?.message).not.toContain('/srv/backups');
  });
});
