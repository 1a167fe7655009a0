import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { REFUSED_ANNOTATION } from '../../src/api/annotations.ts';
import {
  type BackupConfiguration,
  CONFIGURATION_READY,
  SIDECAR_INJECTED,
} from '../../src/api/backup-configuration.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  type Resource,
} from '../../src/api/resources.ts';
import { SCRATCH_PATH, SIDECAR } from '../../src/injection/layout.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { daemonSets, deployments, pods, statefulSets } from '../../src/kube/resource.ts';
import { client, identities, type Pod, useNamespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  passwordSecret,
  repository,
} from './objects.ts';
import { applyWorkload, daemonSet, settledPods, statefulSet, targetOf } from './workload-kinds.ts';

/*
 * "Never harms the workload" (design.md, Injection), a test for each clause. Of a claim that is absent, injection.test.ts tells too, and
 * of a Secret that comes while a session waits for it, failures.test.ts.
 */

const namespace = useNamespace('e2e-harm');
/** Each container that says nothing of memory is limited to less than an agent asks for. */
const limited = useNamespace('e2e-harm-limited');
const limitRanges: Resource = {
  group: '',
  version: 'v1',
  plural: 'limitranges',
  kind: 'LimitRange',
  namespaced: true,
};
const seed = `echo precious > ${DATA}/file`;

interface Container {
  name: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}
interface PodSpec {
  containers: Container[];
  imagePullSecrets?: { name: string }[];
  volumes: { name: string; emptyDir?: { sizeLimit?: string } }[];
}
type WorkloadSpec = Record<string, unknown> & { template: { spec: PodSpec } };
type Workload = ApiObject & { spec: WorkloadSpec };

const kinds = { Deployment: deployments, StatefulSet: statefulSets, DaemonSet: daemonSets };
const specOf = async (kind: keyof typeof kinds, name: string) =>
  (await namespace.get<Workload>(kinds[kind], name)).spec;
const withSpec = (object: ApiObject, more: object): ApiObject => {
  const { spec } = object as Workload;
  return { ...object, ...{ spec: { ...spec, ...more } } };
};
const classOf = ({ status }: Pod) => (status as Pod['status'] & { qosClass: string }).qosClass;
const resourcesOf = ({ spec }: Pod) =>
  (spec as unknown as PodSpec).containers.find(({ name }) => name === SIDECAR)?.resources;

/** The condition of the BackupConfiguration `name` that tells of its workload, once it is for one of these reasons. */
const told = (name: string, about: string) =>
  namespace.until(`BackupConfiguration ${name} to tell of ${about}`, async () => {
    const { status } = await namespace.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name);
    return status?.conditions?.find(
      ({ type, message }) => type === SIDECAR_INJECTED && message.includes(about),
    );
  });

const whole = { cpu: '50m', memory: '32Mi' };
const own = [{ name: 'of-the-owner' }, { name: 'of-the-registry' }];
const workloads: [kind: keyof typeof kinds, object: ApiObject][] = [
  [
    'Deployment',
    withSpec(
      deployment('guaranteed', {
        seed,
        container: { resources: { limits: whole } },
        pod: { imagePullSecrets: own },
      }),
      { strategy: { type: 'Recreate' }, revisionHistoryLimit: 3 },
    ),
  ],
  [
    'Deployment',
    withSpec(
      deployment('burstable', {
        seed,
        replicas: 2,
        container: { resources: { requests: { cpu: '20m' }, limits: { memory: '64Mi' } } },
      }),
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '100%' } } },
    ),
  ],
  ['StatefulSet', withSpec(statefulSet('on-delete', 1), { updateStrategy: { type: 'OnDelete' } })],
  [
    'DaemonSet',
    withSpec(daemonSet('at-once'), {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } },
    }),
  ],
];
const namesOf = workloads.map(([kind, { metadata }]) => [kind, metadata.name] as const);

/** Both are without a pod from when the old one is deleted until the new one is there. */
const inLimits: [kind: keyof typeof kinds, object: ApiObject][] = [
  ['Deployment', withSpec(deployment('recreated', { seed }), { strategy: { type: 'Recreate' } })],
  ['StatefulSet', statefulSet('ordered', 1)],
];

/** Of each workload, before anything was put in. */
const specs = new Map<string, WorkloadSpec>();
const podsBefore = new Map<string, Pod[]>();
const injected = new Map<string, Pod[]>();

beforeAll(async () => {
  await client.create(limitRanges, {
    apiVersion: 'v1',
    kind: limitRanges.kind,
    metadata: { name: 'small', namespace: limited.name },
    ...{ spec: { limits: [{ type: 'Container', default: { memory: '64Mi' } }] } },
  });
  for (const [, object] of inLimits) await applyWorkload(limited, object);
  for (const [kind, { metadata }] of inLimits) {
    const { name } = metadata;
    podsBefore.set(name, await settledPods(limited, kind, name, 1));
    specs.set(name, (await limited.get<Workload>(kinds[kind], name)).spec);
    await limited.apply(repository(name), backupConfiguration(name, { target: targetOf(kind, name) }));
  }
});

beforeAll(async () => {
  for (const [, object] of workloads) await applyWorkload(namespace, object);
  await namespace.apply(
    deployment('secretless', { seed }),
    deployment('deserted', { seed }),
    deployment('crowd', { replicas: 2 }),
  );
  const countOf = (name: string) => (name === 'burstable' ? 2 : 1);
  for (const [kind, name] of namesOf) {
    podsBefore.set(name, await settledPods(namespace, kind, name, countOf(name)));
    specs.set(name, await specOf(kind, name));
  }
  for (const name of ['secretless', 'deserted', 'crowd']) podsBefore.set(name, await namespace.settled(name));

  for (const [kind, name] of namesOf) {
    const pod = { imagePullSecrets: [{ name: 'of-the-backup' }, { name: 'of-the-owner' }] };
    const more = name === 'guaranteed' ? { runtimeSettings: { pod } } : {};
    await namespace.apply(
      repository(name),
      backupConfiguration(name, { target: targetOf(kind, name), ...more }),
    );
  }
  await namespace.apply(
    repository('secretless', { secret: 'tomorrow' }),
    passwordSecret('going', namespace.password),
    repository('deserted', { secret: 'going' }),
    ...['secretless', 'deserted'].map((name) => backupConfiguration(name)),
  );
  for (const [kind, name] of namesOf) {
    if (name !== 'on-delete')
      injected.set(name, await settledPods(namespace, kind, name, countOf(name), SIDECAR));
  }
  for (const name of ['secretless', 'deserted']) injected.set(name, await namespace.settledWithSidecar(name));
});

const podOf = (name: string) => injected.get(name)?.[0] as Pod;

describe('the update strategy', () => {
  it.each(namesOf)('of the %s %s, and all else of it but the pod template, stays', async (kind, name) => {
    await told(name, 'has the sidecar in its pod template');
    const before = specs.get(name);
    const { template, ...after } = await specOf(kind, name);
    expect({ ...after, template: undefined }).toEqual({ ...before, template: undefined });
    // Nor is anything of the owner's in the template another.
    const { containers } = template.spec;
    expect(containers.filter(({ name }) => name !== SIDECAR)).toEqual(before?.template.spec.containers);
  });

  it('OnDelete is heeded: no pod is replaced, and the next one has the sidecar', async () => {
    const [before] = podsBefore.get('on-delete') as [Pod];
    const now = await namespace.list<Pod>(pods, 'app=on-delete');
    expect(identities(now)).toEqual(identities([before]));
    await namespace.deletePod(before);
    const [after] = await settledPods(namespace, 'StatefulSet', 'on-delete', 1, SIDECAR);
    expect(after?.metadata.uid).not.toBe(before.metadata.uid);
  });
});

describe('the resources', () => {
  it('leave a Guaranteed pod Guaranteed', async () => {
    expect((podsBefore.get('guaranteed') ?? []).map(classOf)).toEqual(['Guaranteed']);
    const pod = podOf('guaranteed');
    expect(classOf(pod)).toBe('Guaranteed');
    expect(resourcesOf(pod)?.requests).toEqual(resourcesOf(pod)?.limits);
  });

  it('are asked for in any other pod, and limited only as far as the owner limits', async () => {
    expect((podsBefore.get('burstable') ?? []).map(classOf)).toEqual(['Burstable', 'Burstable']);
    const burstable = podOf('burstable');
    expect(classOf(burstable)).toBe('Burstable');
    expect(resourcesOf(burstable)).toEqual({
      requests: { cpu: '10m', memory: '128Mi' },
      limits: { memory: '512Mi' },
    });

    expect((podsBefore.get('at-once') ?? []).map(classOf)).toEqual(['BestEffort']);
    expect(resourcesOf(podOf('at-once'))).toEqual({ requests: { cpu: '10m', memory: '128Mi' } });
  });
});

describe('the imagePullSecrets', () => {
  it('of the owner stay, in order, and ours come after them', async () => {
    const { imagePullSecrets } = podOf('guaranteed').spec as unknown as PodSpec;
    expect(imagePullSecrets).toEqual([...own, { name: 'of-the-backup' }]);
  });
});

describe('cache and scratch', () => {
  it('have no sizeLimit, which would evict the whole pod', async () => {
    const ours = [...injected.values()]
      .flat()
      .flatMap(({ spec }) => (spec as unknown as PodSpec).volumes)
      .filter(({ name }) => name.startsWith('stash-'));
    expect(ours.filter(({ emptyDir }) => emptyDir !== undefined).length).toBeGreaterThanOrEqual(5);
    expect(ours.filter(({ emptyDir }) => emptyDir?.sizeLimit !== undefined)).toEqual([]);
  });

  it('are bounded by the agent: a cache of over 1 GiB is gone after the next session', async () => {
    const pod = podOf('guaranteed');
    const large = `${SCRATCH_PATH}/cache/large`;
    // A sparse file, which the disk of the test does not notice.
    await namespace.node(
      pod,
      `const fs = require('node:fs'); fs.writeFileSync('${large}', ''); fs.truncateSync('${large}', 2 ** 31)`,
    );
    await namespace.apply(backupSession('bounded', 'guaranteed'));
    await namespace.backupEnded('bounded', 'Succeeded');
    await namespace.until('the cache to be bounded', async () => {
      const there = await namespace.node(pod, `console.log(require('node:fs').existsSync('${large}'))`);
      return there === 'false' ? true : undefined;
    });
    expect(identities(await namespace.podsOf('guaranteed'))).toEqual(identities([pod]));
  });
});

describe('a storage Secret that is missing', () => {
  it('keeps no pod from starting; the session tells, and the next one after it has come succeeds', async () => {
    const pod = podOf('secretless');
    await namespace.apply(backupSession('without', 'secretless'));
    await namespace.until('the session to say what it waits for', async () =>
      (await namespace.backup('without')).status?.hosts?.find(
        ({ reason, message }) => reason === 'SecretMissing' && message?.includes('Secret tomorrow'),
      ),
    );
    // It would wait for a minute: failures.test.ts sees to that.
    await namespace.patch(BACKUP_SESSIONS, 'without', { spec: { cancel: true } });
    await namespace.backupEnded('without', 'Failed');
    await namespace.apply(passwordSecret('tomorrow', namespace.password));
    // The kubelet brings it at its next look at the pod, which a change of the pod makes come soon.
    await namespace.patch(pods, pod.metadata.name, {
      metadata: { annotations: { 'example.com/look': '1' } },
    });
    await namespace.apply(backupSession('with', 'secretless'));
    await namespace.backupEnded('with', 'Succeeded');
    expect(identities(await namespace.podsOf('secretless'))).toEqual(identities([pod]));
  });
});

describe('an agent', () => {
  it('does not exit where its configuration, its Repository, its Secret and its rights are gone', async () => {
    const name = 'deserted';
    // Paused, the Deployment keeps its pods, and makes others in their place, as they were.
    await namespace.patch(deployments, name, { spec: { paused: true } });
    await client.delete(BACKUP_CONFIGURATIONS, name, namespace.name);
    await client.delete(REPOSITORIES, name, namespace.name);
    await namespace.until('the sidecar to be out of the template', async () => {
      const { template } = await specOf('Deployment', name);
      return template.spec.containers.length === 1 ? true : undefined;
    });
    const old = podOf(name);
    expect(identities(await namespace.podsOf(name)), 'it is paused').toEqual(identities([old]));
    await kubectl('delete', 'secret', '-n', namespace.name, 'going');
    await kubectl('delete', 'rolebindings', '-n', namespace.name, '--all');

    await namespace.deletePod(old);
    const pod = await namespace.podOf(name);
    expect(pod.spec.containers.map((container) => container.name)).toContain(SIDECAR);
    await namespace.until('the agent to say what keeps it', async () => {
      const log = await kubectl('logs', '-n', namespace.name, pod.metadata.name, '-c', SIDECAR);
      return log.includes('the sessions cannot be watched') ? true : undefined;
    });
    await sleep(5_000);
    expect(identities(await namespace.podsOf(name))).toEqual(identities([pod]));
    const [status] = (await namespace.get<Pod>(pods, pod.metadata.name)).status.containerStatuses?.filter(
      (each) => each.name === SIDECAR,
    ) ?? [undefined];
    expect(status).toMatchObject({ restartCount: 0, state: { running: {} } });
  });
});

describe('a claim that not all pods can mount', () => {
  it.each([
    ['is absent', 'never', undefined],
    ['is for one pod alone', 'single', ['ReadWriteOncePod']],
  ])('and %s is reported and not injected', async (_, name, accessModes) => {
    if (accessModes !== undefined) await namespace.apply(withSpec(claim(name), { accessModes }));
    await namespace.apply(
      repository(name, { claim: name }),
      backupConfiguration(name, { target: targetOf('Deployment', 'crowd') }),
    );
    // Before that, it says that the Repository was not looked at yet.
    const condition = await told(name, accessModes?.[0] ?? 'there is no PersistentVolumeClaim');
    expect(condition).toMatchObject({ status: 'False', reason: 'RepositoryNotReady' });
    expect(identities(await namespace.podsOf('crowd'))).toEqual(identities(podsBefore.get('crowd') ?? []));
    const { template } = await specOf('Deployment', 'crowd');
    expect(template.spec.containers.map((container) => container.name)).toEqual(['busybox']);
  });
});

describe('pods that are refused with the sidecar in them', () => {
  const cases = inLimits.map(([kind, { metadata }]) => [kind, metadata.name] as const);
  const conditionOf = async (name: string, type: string, reason: string) =>
    limited.until(`BackupConfiguration ${name} to be ${type} for ${reason}`, async () => {
      const { status } = await limited.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name);
      return status?.conditions?.find((condition) => condition.type === type && condition.reason === reason);
    });

  it.each(cases)('come back without it, and the configuration says why: %s', async (kind, name) => {
    const { status, message } = await conditionOf(name, SIDECAR_INJECTED, 'PodsRefused');
    expect(status).toBe('False');
    expect(message).toContain('must be less than or equal to memory limit of 64Mi');
    expect(await conditionOf(name, CONFIGURATION_READY, 'PodsRefused')).toMatchObject({ status: 'False' });
    const [pod] = (await settledPods(limited, kind, name, 1)) as [Pod];
    expect(pod.spec.containers.map((container) => container.name)).toEqual(['busybox']);
    expect((await limited.get<Workload>(kinds[kind], name)).spec.template).toEqual(specs.get(name)?.template);
  });

  it('get it once the namespace takes them, and the configuration has changed', async () => {
    await client.delete(limitRanges, 'small', limited.name);
    for (const [, name] of cases) {
      await limited.patch(BACKUP_CONFIGURATIONS, name, { spec: { timeout: '23h' } });
    }
    for (const [kind, name] of cases) {
      await settledPods(limited, kind, name, 1, SIDECAR);
      await conditionOf(name, CONFIGURATION_READY, 'Ready');
      await limited.until(`the mark on ${name} to be gone`, async () => {
        const { metadata } = await limited.get<Workload>(kinds[kind], name);
        return metadata.annotations?.[REFUSED_ANNOTATION] === undefined ? true : undefined;
      });
    }
  });
});
