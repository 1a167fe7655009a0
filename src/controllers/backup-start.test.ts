import { describe, expect, it } from 'vitest';
import { decideFault, decideStart, type StartFacts } from './backup-start.ts';
import { aConfiguration, aRepository, aSession, aWorkload } from './objects.fixture.ts';
import type { TaskFault } from './task-run.ts';

const now = Date.parse('2026-11-22T18:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

const facts = (): StartFacts => ({
  configuration: aConfiguration(),
  repository: aRepository(),
  workload: aWorkload(),
  restoring: undefined,
  others: [],
  now,
});

const session = (seconds = 1) => aSession({ metadata: { creationTimestamp: ago(seconds) } });

describe('decideStart', () => {
  it('starts what has all that it needs', () => {
    expect(decideStart(session(), facts())).toMatchObject({ kind: 'Start' });
  });

  it.each<[string, Partial<StartFacts>]>([
    ['ConfigurationNotFound', { configuration: undefined, repository: undefined, workload: undefined }],
    ['RepositoryNotFound', { repository: undefined }],
    ['RepositoryNotReady', { repository: { ...aRepository(), status: {} } }],
  ])(
    'waits half a minute for what may be applied together with it, and is Failed as %s after that',
    (reason, lack) => {
      expect(decideStart(session(29), { ...facts(), ...lack })).toMatchObject({ kind: 'Wait', reason });
      expect(decideStart(session(31), { ...facts(), ...lack })).toMatchObject({
        kind: 'End',
        phase: 'Failed',
        reason,
      });
    },
  );

  it('names what it did not find, and where it was looked for', () => {
    expect(decideStart(session(31), { ...facts(), repository: undefined })).toMatchObject({
      message:
        'there is no Repository "repo" in namespace demo, which the BackupConfiguration names in spec.repository.name',
    });
  });

  it.each<[string, Partial<StartFacts>]>([
    ['WorkloadNotFound', { workload: undefined }],
    ['NoAgent', { workload: aWorkload({ spec: { replicas: 0 } }) }],
    [
      'EarlierSessionActive',
      { others: [aSession({ metadata: { name: 'before', creationTimestamp: ago(100) } })] },
    ],
    [
      'EarlierSessionActive',
      { others: [aSession({ metadata: { name: 'z' }, status: { phase: 'Running' } })] },
    ],
  ])('is Skipped as %s', (reason, lack) => {
    expect(decideStart(session(), { ...facts(), ...lack })).toMatchObject({
      kind: 'End',
      phase: 'Skipped',
      reason,
    });
  });

  it('waits while the same workload is restored: half of a restore is not worth a backup', () => {
    const restoring = { name: 'back' } as StartFacts['restoring'];
    expect(decideStart(session(), { ...facts(), restoring })).toMatchObject({
      kind: 'Wait',
      reason: 'RestoreActive',
    });
  });

  it('does not mind a later session, nor one that is over', () => {
    const others = [
      aSession({ metadata: { name: 'later', creationTimestamp: ago(0) } }),
      aSession({ metadata: { name: 'over', creationTimestamp: ago(100) }, status: { phase: 'Failed' } }),
    ];
    expect(decideStart(session(), { ...facts(), others })).toMatchObject({ kind: 'Start' });
  });

  it('of two sessions of the same second, lets exactly one through', () => {
    const a = aSession({ metadata: { name: 'a', creationTimestamp: ago(1) } });
    const b = aSession({ metadata: { name: 'b', creationTimestamp: ago(1) } });
    expect(decideStart(a, { ...facts(), others: [b] }).kind).toBe('Start');
    expect(decideStart(b, { ...facts(), others: [a] }).kind).toBe('End');
  });

  it('is Skipped once startingDeadline has passed, and tells what it waited for', () => {
    const waited = aSession({
      metadata: { creationTimestamp: ago(3601) },
      status: {
        phase: 'Pending',
        conditions: [
          {
            type: 'Succeeded',
            status: 'Unknown',
            reason: 'NoAgent',
            message: 'no pod yet',
            lastTransitionTime: ago(9),
          },
        ],
      },
    });
    expect(decideStart(waited, facts())).toMatchObject({
      phase: 'Skipped',
      reason: 'StartingDeadlineExceeded',
      message: 'it could not start within 1h: no pod yet',
    });
  });

  it('is Failed as Cancelled before all else', () => {
    const cancelled = aSession({ spec: { cancel: true } });
    expect(decideStart(cancelled, { ...facts(), workload: undefined })).toMatchObject({
      phase: 'Failed',
      reason: 'Cancelled',
    });
  });

  const withInjection = (reason: string, observedGeneration: number) =>
    aConfiguration({
      status: {
        conditions: [
          {
            type: 'SidecarInjected',
            status: 'False',
            reason,
            message: 'no volume holds /data',
            lastTransitionTime: ago(9),
            observedGeneration,
          },
        ],
      },
    });

  it('is Failed at once where the sidecar cannot be put in, with the reason of that', () => {
    const configuration = withInjection('DirectoryNotMounted', 1);
    expect(decideStart(session(), { ...facts(), configuration })).toMatchObject({
      phase: 'Failed',
      reason: 'DirectoryNotMounted',
      message: 'no volume holds /data',
    });
  });

  it.each([
    ['RolloutPending', 1],
    ['DirectoryNotMounted', 0],
  ])('goes on where %s of generation %d may mend itself', (reason, generation) => {
    expect(
      decideStart(session(), { ...facts(), configuration: withInjection(reason, generation) }).kind,
    ).toBe('Start');
  });
});

describe('a session of a Deployment of several pods', () => {
  const holding = (replicas: number, source: object) => {
    const containers = [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/source/data' }] }];
    const template = { spec: { containers, volumes: [{ name: 'data', ...source }] } as object };
    return { ...facts(), workload: aWorkload({ spec: { replicas, template } }) };
  };

  it.each([
    ['emptyDir', { emptyDir: {} }],
    ['hostPath', { hostPath: { path: '/srv' } }],
  ])(
    'is Failed where each has a volume of its own (%s): one of them would be taken for all',
    (kind, source) => {
      expect(decideStart(session(), holding(2, source))).toEqual({
        kind: 'End',
        phase: 'Failed',
        reason: 'SeparateVolumes',
        message: `spec.target.directories: /source/data lies in the volume "data" (${kind}), which is not the same for all 2 pods of Deployment "shop", and there is one backup: scale it to one replica, or make it a StatefulSet`,
      });
      expect(decideStart(session(), holding(1, source)).kind).toBe('Start');
    },
  );

  it('starts where they share one', () => {
    const claim = { persistentVolumeClaim: { claimName: 'data' } };
    expect(decideStart(session(), holding(2, claim)).kind).toBe('Start');
  });
});

describe('a session whose Task cannot be run', () => {
  const fault = (reason: TaskFault['reason'], age: number) => {
    const session = aSession();
    const born = Date.parse(session.metadata.creationTimestamp ?? '');
    return decideFault(session, { reason, message: 'why' }, born + age);
  };

  it('waits for what may have been applied with it', () => {
    expect(fault('TaskNotFound', 1_000)).toMatchObject({ kind: 'Wait', reason: 'TaskNotFound' });
    expect(fault('ClaimNotFound', 1_000)).toMatchObject({ kind: 'Wait', reason: 'ClaimNotFound' });
  });

  it('waits for a claim that another has, until it may start no more', () => {
    expect(fault('ClaimInUse', 600_000)).toMatchObject({ kind: 'Wait', reason: 'ClaimInUse' });
  });

  it('fails then, and is skipped where there is nothing to back up', () => {
    expect(fault('TaskNotFound', 60_000)).toMatchObject({ kind: 'End', phase: 'Failed' });
    expect(fault('ClaimNotFound', 60_000)).toMatchObject({ kind: 'End', phase: 'Skipped' });
  });
});
