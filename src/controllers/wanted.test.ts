import { describe, expect, it } from 'vitest';
import {
  HOLD_FINALIZER,
  INJECTED_ANNOTATION,
  ON_NEXT_UPDATE_ANNOTATION,
  REFUSED_ANNOTATION,
} from '../api/annotations.ts';
import { deployment, NOTHING, OPTIONS } from '../injection/fixtures.ts';
import { inject } from '../injection/inject.ts';
import { servedPrint } from '../injection/plan.ts';
import { readRecord } from '../injection/record.ts';
import { writeRefusal } from '../injection/refusal.ts';
import { type Caches, createCaches } from './caches.ts';
import { aConfiguration, aRepository, aRestore, aWorkload } from './objects.fixture.ts';
import { patienceOf } from './patience.ts';
import { wantedAtRest, wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';

function cachesWith(...configurations: Parameters<typeof aConfiguration>[0][]) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  for (const over of configurations) caches.configurations.set(aConfiguration(over));
  return caches;
}

const named = (name: string, rollout: 'Automatic' | 'OnNextUpdate' = 'Automatic') => ({
  metadata: { name },
  spec: { rollout },
});
const carrying = (...backups: string[]) => ({
  [INJECTED_ANNOTATION]: JSON.stringify({
    ...{
      containers: [],
      initContainers: [],
      volumes: [],
      imagePullSecrets: [],
      restores: [],
      restoresServed: [],
      backupsServed: backups,
    },
    ...{ backups, backupsWanted: 'x', template: 'x', before: {} },
  }),
});
const names = (wanted: ReturnType<typeof wantedAtRest>) => wanted?.backups.map(({ name }) => name);

describe('wantedFor', () => {
  it('is every configuration of the workload, by name, with where its repository is mounted', () => {
    const wanted = wantedFor(cachesWith(named('b'), named('a')), 'demo', 'Deployment', 'shop');
    expect(names(wanted)).toEqual(['a', 'b']);
    expect(wanted.backups[0]?.repository).toMatchObject({
      name: 'repo',
      local: { mountPath: '/stash/repositories/repo' },
    });
  });

  it('is nothing for another kind, name or namespace', () => {
    const caches = cachesWith(named('a'));
    for (const [namespace, kind, name] of [
      ['other', 'Deployment', 'shop'],
      ['demo', 'StatefulSet', 'shop'],
      ['demo', 'Deployment', 'blog'],
    ] as const) {
      expect(wantedFor(caches, namespace, kind, name).backups).toEqual([]);
    }
  });

  it('keeps what is being deleted while a hook is still to run in its pods', () => {
    const metadata = { deletionTimestamp: '2026-11-22T18:00:00Z', finalizers: [HOLD_FINALIZER] };
    const caches = cachesWith({ metadata: { name: 'held', ...metadata } });
    expect(names(wantedFor(caches, 'demo', 'Deployment', 'shop'))).toEqual(['held']);
  });

  it('leaves out what is being deleted, and what has no repository that can be mounted', () => {
    const caches = cachesWith(
      { metadata: { name: 'going', deletionTimestamp: '2026-11-22T18:00:00Z' } },
      named('stays'),
    );
    expect(names(wantedFor(caches, 'demo', 'Deployment', 'shop'))).toEqual(['stays']);
    caches.repositories.set({ ...aRepository({ metadata: { resourceVersion: '2' } }), status: {} });
    expect(names(wantedFor(caches, 'demo', 'Deployment', 'shop'))).toEqual([]);
  });
});

describe('what wantedFor remembers', () => {
  const now = (caches: ReturnType<typeof createCaches>) => wantedFor(caches, 'demo', 'Deployment', 'shop');

  it('is the very same while neither the configuration nor its Repository changes', () => {
    const caches = cachesWith(named('a'));
    expect(now(caches).backups[0]).toBe(now(caches).backups[0]);
  });

  it('is not what a configuration said before it was changed', () => {
    const caches = cachesWith(named('a'));
    const [before] = now(caches).backups;
    const target = { directories: ['/elsewhere'] };
    caches.configurations.set(
      aConfiguration({ metadata: { name: 'a', resourceVersion: '2' }, spec: { target } }),
    );
    const [after] = now(caches).backups;
    expect(after?.directories).toEqual(['/elsewhere']);
    expect(after && servedPrint(after)).not.toBe(before && servedPrint(before));
  });

  it('is not where a Repository was before it was changed, or made anew under its name', () => {
    const caches = cachesWith(named('a'));
    const [before] = now(caches).backups;
    const backend = { storageSecretName: 'another' };
    caches.repositories.set(aRepository({ metadata: { resourceVersion: '2' }, spec: { backend } }));
    const [after] = now(caches).backups;
    expect(after?.repository.secretName).toBe('another');
    expect(after && servedPrint(after)).not.toBe(before && servedPrint(before));
  });
});

describe('wantedFor, with a claim that is for the pods of one node,', () => {
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups', namespace: 'demo' },
    spec: { accessModes: ['ReadWriteOnce'] },
    status: { phase: 'Bound' },
  };
  const said = (reason: string, observedGeneration = 1) => ({
    status: {
      conditions: [
        {
          type: 'SidecarInjected',
          status: 'False' as const,
          reason,
          message: '',
          observedGeneration,
          lastTransitionTime: '2026-11-22T18:00:00Z',
        },
      ],
    },
  });
  const volumes = [{ name: 'x', persistentVolumeClaim: { claimName: 'backups' } }];
  const carrying = { spec: { template: { spec: { volumes } } } } as Parameters<typeof aWorkload>[0];
  const wanted = (over: object, workload?: ReturnType<typeof aWorkload>, created?: object) => {
    const caches = cachesWith({ ...named('shop'), ...over });
    caches.claims.set(claim);
    if (workload !== undefined) caches.workloads.of('Deployment').set(workload);
    return names(wantedFor(caches, 'demo', 'Deployment', 'shop', created));
  };

  it.each(['RolloutPending', 'Injected', 'DirectoryNotMounted'])(
    'is all where it was looked where the pods are: %s',
    (reason) => {
      expect(wanted(said(reason), aWorkload())).toEqual(['shop']);
    },
  );

  it.each(['ClaimNotShareable', 'PlacementUnknown', 'RepositoryNotReady', 'WorkloadNotFound'])(
    'leaves out what it was not looked for, or cannot be: %s',
    (reason) => {
      expect(wanted(said(reason), aWorkload())).toEqual([]);
    },
  );

  it('leaves out what nothing was said of, or of an earlier form', () => {
    expect(wanted({}, aWorkload())).toEqual([]);
    expect(wanted(said('RolloutPending', 0), aWorkload())).toEqual([]);
  });

  it.each(['ClaimNotShareable', 'WorkloadNotFound'])('takes nothing out that is in: %s', (reason) => {
    expect(wanted(said(reason), aWorkload(carrying))).toEqual(['shop']);
  });

  it('is all for a workload that is just created with one pod, and nothing yet for one with several', () => {
    expect(wanted({}, undefined, aWorkload())).toEqual(['shop']);
    expect(wanted({}, undefined, aWorkload({ spec: { replicas: 2 } }))).toEqual([]);
  });
});

describe('wantedFor, with a restore,', () => {
  const saying = (reason: string) => {
    const condition = { type: 'Succeeded', status: 'Unknown' as const, reason, message: '' };
    return { status: { conditions: [{ ...condition, lastTransitionTime: '2026-11-22T18:00:00Z' }] } };
  };
  const wanted = (over: Parameters<typeof aRestore>[0], workload?: ReturnType<typeof aWorkload>) => {
    const caches = cachesWith();
    caches.restoreSessions.set(aRestore(over));
    if (workload !== undefined) caches.workloads.of('Deployment').set(workload);
    return wantedFor(caches, 'demo', 'Deployment', 'shop').restores;
  };

  it('has it once its target is its own', () => {
    expect(wanted(saying('NoAgent'), aWorkload())).toMatchObject([{ name: 'back' }]);
  });

  it.each(['BackupActive', 'RestoreActive', 'WorkloadPaused'])(
    'takes no pod down for one that has to wait: %s',
    (reason) => {
      expect(wanted(saying(reason), aWorkload())).toEqual([]);
    },
  );

  it('takes none down before anybody has looked whether another is at work there', () => {
    expect(wanted({}, aWorkload())).toEqual([]);
  });

  it('has it in a workload that is just created, before it starts', () => {
    expect(wanted(saying('WorkloadNotFound'))).toMatchObject([{ name: 'back' }]);
  });

  it('takes it out of no workload that has it already', () => {
    const [restore] = wanted({});
    const record = JSON.parse(carrying()[INJECTED_ANNOTATION]) as object;
    const served = restore === undefined ? [] : [servedPrint(restore)];
    const annotations = {
      [INJECTED_ANNOTATION]: JSON.stringify({ ...record, restores: ['back'], restoresServed: served }),
    };
    const workload = aWorkload({ spec: { template: { metadata: { annotations } } } });
    expect(wanted(saying('WorkloadNotFound'), workload)).toEqual([restore]);
  });
});

describe('wantedAtRest', () => {
  const atRest = (
    caches: ReturnType<typeof createCaches>,
    annotations: Record<string, string>,
    metadata: { annotations?: Record<string, string> } = {},
  ) => {
    const workload = aWorkload({ metadata, spec: { template: { metadata: { annotations } } } });
    return wantedAtRest(caches, 'demo', wantedFor(caches, 'demo', 'Deployment', 'shop'), workload);
  };

  it('is all of it where every configuration rolls out by itself', () => {
    expect(names(atRest(cachesWith(named('a'), named('b')), {}))).toEqual(['a', 'b']);
  });

  it('is nothing where each waits for the next update, be it in already or not', () => {
    const caches = cachesWith(named('a', 'OnNextUpdate'));
    expect(atRest(caches, {})).toBeUndefined();
    expect(atRest(caches, carrying('a'))).toBeUndefined();
  });

  it('leaves out what waits and is not in yet', () => {
    const caches = cachesWith(named('a'), named('b', 'OnNextUpdate'));
    expect(names(atRest(caches, carrying('a')))).toEqual(['a']);
    expect(names(atRest(caches, carrying('a', 'b')))).toEqual(['a', 'b']);
  });

  it('is all that is in where pods are refused with it, so that it is taken out', () => {
    const caches = cachesWith(named('a', 'OnNextUpdate'), named('b', 'OnNextUpdate'));
    const mark = writeRefusal(
      aWorkload({ spec: { template: { metadata: { annotations: carrying('a') } } } }),
      ...[[], 'exceeded quota', OPTIONS],
    );
    expect(names(atRest(caches, carrying('a'), { annotations: { [REFUSED_ANNOTATION]: mark } }))).toEqual([
      'a',
    ]);
    expect(atRest(caches, {}, { annotations: { [REFUSED_ANNOTATION]: mark } })).toBeUndefined();
  });

  it('takes out a configuration that is gone, whatever the others wait for', () => {
    expect(names(atRest(cachesWith(named('a', 'OnNextUpdate')), carrying('a', 'gone')))).toEqual(['a']);
  });
});

describe('a workload at rest', () => {
  let versions = 1;
  /** Another form of an object than any before. */
  const next = () => ({ resourceVersion: `${++versions}` });
  const repository = (over: Parameters<typeof aRepository>[0] = {}) =>
    aRepository({ ...over, metadata: { ...next(), ...over.metadata } });
  const claim = (name: string, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'demo', ...next(), ...more },
    spec: { accessModes: ['ReadWriteMany'] },
    status: { phase: 'Bound' },
  });
  const about = (name: string, over: Parameters<typeof aConfiguration>[0] = {}) =>
    aConfiguration({
      metadata: { name, ...next(), ...over.metadata },
      spec: { target: { directories: ['/data'] }, ...over.spec },
    });
  const patient = { spec: { rollout: 'OnNextUpdate' as const } };

  /** A workload with the sidecar for `configurations`, and the caches of the operator that gave it. */
  function standing(...configurations: ReturnType<typeof about>[]) {
    const caches = createCaches();
    caches.repositories.set(repository());
    caches.claims.set(claim('backups'));
    for (const each of configurations) caches.configurations.set(each);
    const own = aWorkload({ spec: { ...(deployment() as unknown as Workload).spec, replicas: 1 } });
    const given = inject(own, wantedFor(caches, 'demo', 'Deployment', 'shop'), OPTIONS).workload;
    const patience = patienceOf(caches, 'demo', given, recordIn(given));
    const annotations = patience === undefined ? {} : { [ON_NEXT_UPDATE_ANNOTATION]: patience };
    const workload = { ...given, metadata: { ...given.metadata, annotations } };
    return {
      caches,
      workload,
      /** What is in it once the operator has looked at it, where that is a change. */
      change: () => {
        const wanted = wantedFor(caches, 'demo', 'Deployment', 'shop');
        const due = wantedAtRest(caches, 'demo', wanted, workload);
        const { workload: after, changed } = inject(workload, due ?? NOTHING, OPTIONS);
        return due !== undefined && changed ? (recordIn(after)?.backups ?? []) : undefined;
      },
    };
  }
  const recordIn = (workload: Workload) => readRecord(workload.spec.template?.metadata?.annotations);

  const unknown: [string, (caches: Caches) => void][] = [
    ['is gone', (caches) => caches.repositories.delete(repository())],
    ['was not looked at', (caches) => caches.repositories.set({ ...repository(), status: {} })],
    ['is going', (caches) => caches.repositories.set(repository({ metadata: { deletionTimestamp: 'now' } }))],
  ];
  it.each(unknown)('keeps the sidecar of one whose Repository %s', (_, make) => {
    const { caches, change } = standing(about('a'), about('b', patient));
    make(caches);
    expect(change()).toBeUndefined();
  });

  it('keeps it beside another, whose own change is a reason', () => {
    const elsewhere = { spec: { repository: { name: 'other' } } };
    const { caches, change } = standing(about('a'), about('b'));
    caches.configurations.set(about('b', elsewhere));
    expect(change()).toBeUndefined();
    caches.configurations.set(about('a', { spec: { target: { directories: ['/data/x'] } } }));
    expect(change()).toEqual(['a']);
  });

  it('is changed once where a Repository comes back as another, and not at all where it is the same', () => {
    const { caches, change } = standing(about('a'));
    caches.repositories.delete(repository());
    caches.repositories.set(repository({ metadata: { uid: 'next' } }));
    expect(change()).toBeUndefined();
    const backend = { storageSecretName: 'next' };
    caches.repositories.set(repository({ metadata: { uid: 'other' }, spec: { backend } }));
    expect(change()).toEqual(['a']);
  });

  it('keeps it until it was looked where the pods are, for a Repository that came back on a claim of one node', () => {
    const { caches, change } = standing(about('a'));
    caches.claims.set({ ...claim('near'), spec: { accessModes: ['ReadWriteOnce'] } });
    caches.workloads.of('Deployment').set(aWorkload());
    const backend = { local: { persistentVolumeClaim: { claimName: 'near' } } };
    caches.repositories.set(repository({ metadata: { uid: 'next' }, spec: { backend } }));
    expect(change()).toBeUndefined();
  });

  const harmful: [string, (caches: Caches) => void][] = [
    ['goes', (caches) => caches.claims.set(claim('backups', { deletionTimestamp: 'now' }))],
    [
      'has lost its volume',
      (caches) => caches.claims.set({ ...claim('backups'), status: { phase: 'Lost' } }),
    ],
    ['is gone', (caches) => caches.claims.delete(claim('backups'))],
  ];
  it.each(harmful)('loses it where the claim that it mounts %s, whatever it waits for', (_, make) => {
    const { caches, change } = standing(about('a', patient), about('b'));
    caches.repositories.delete(repository());
    make(caches);
    expect(change()).toEqual([]);
  });

  it('loses it where its Repository may not be given to pods, whatever it waits for', () => {
    const { caches, change } = standing(about('a', patient));
    const said = { type: 'Ready', status: 'False' as const, reason: 'ClaimGoing', message: '' };
    const conditions = [{ ...said, lastTransitionTime: '2026-11-22T18:00:00Z' }];
    caches.repositories.set(repository({ status: { conditions } }));
    expect(change()).toEqual([]);
  });

  it('loses it with a configuration that goes, or leaves for another workload', () => {
    const { caches, change } = standing(about('a'), about('b', patient));
    caches.configurations.delete(about('a'));
    expect(change()).toEqual(['b']);
    const ref = { name: 'blog' };
    caches.configurations.set(about('a', { spec: { target: { ref, directories: ['/data'] } } }));
    caches.repositories.delete(repository());
    expect(change()).toEqual([]);
  });

  it('keeps it when one goes that waited for the next update, alone or beside another', () => {
    for (const others of [[], [about('b')]]) {
      const { caches, change } = standing(about('a', patient), ...others);
      caches.configurations.delete(about('a'));
      expect(change()).toBeUndefined();
      caches.repositories.delete(repository());
      expect(change()).toBeUndefined();
    }
  });

  it('keeps it when one changes that waits for the next update, beside another', () => {
    const { caches, change } = standing(about('a', patient), about('b'));
    const target = { directories: ['/data/x'] };
    caches.configurations.set(about('a', { spec: { ...patient.spec, target } }));
    expect(change()).toBeUndefined();
  });

  it('loses what is refused, though it waited for the next update and is gone', () => {
    const { caches, workload } = standing(about('a', patient));
    caches.configurations.delete(about('a'));
    const mark = writeRefusal(workload, [], 'exceeded quota', OPTIONS);
    const annotations = { ...workload.metadata.annotations, [REFUSED_ANNOTATION]: mark };
    const refused = { ...workload, metadata: { ...workload.metadata, annotations } };
    const due = wantedAtRest(caches, 'demo', NOTHING, refused);
    expect(inject(refused, due ?? NOTHING, OPTIONS)).toMatchObject({ changed: true });
    expect(due).toEqual(NOTHING);
  });
});

describe('what is remembered of a configuration', () => {
  const patience = (caches: Caches, remembered?: string) => {
    const annotations = remembered === undefined ? {} : { [ON_NEXT_UPDATE_ANNOTATION]: remembered };
    const workload = aWorkload({ metadata: { annotations } });
    return patienceOf(caches, 'demo', workload, readRecord(carrying('a', 'b')));
  };

  it('is that it waits for the next update, while it is in the workload', () => {
    expect(patience(cachesWith(named('a'), named('b', 'OnNextUpdate'), named('c', 'OnNextUpdate')))).toBe(
      'b',
    );
    expect(patience(cachesWith(named('a'), named('b')))).toBeUndefined();
  });

  it('is what it said last, once it is gone', () => {
    expect(patience(cachesWith(named('a')), 'b')).toBe('b');
    expect(patience(cachesWith(named('a'), named('b')), 'b')).toBeUndefined();
  });
});
