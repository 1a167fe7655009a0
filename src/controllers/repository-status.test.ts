import { describe, expect, it } from 'vitest';
import { aRepository, aSession } from './objects.fixture.ts';
import { isUsable, repositoryReadiness } from './repository-readiness.ts';
import { learntFrom } from './repository-status.ts';

const good = (time: string, repositoryID?: string) =>
  aSession({
    status: {
      phase: 'Succeeded',
      completionTime: time,
      hosts: [{ host: 'host-0', ...(repositoryID !== undefined && { repositoryID }) }],
    },
  });

describe('learntFrom', () => {
  it('takes id and times from the sessions', () => {
    const sessions = [good('2026-11-22T18:00:00Z'), good('2026-11-21T18:00:00Z', 'abc')];
    expect(learntFrom(sessions, undefined)).toEqual({
      repositoryID: 'abc',
      firstBackupTime: '2026-11-21T18:00:00Z',
      lastBackupTime: '2026-11-22T18:00:00Z',
    });
  });

  it('never lets go of what it knows when sessions are gone, nor changes the id', () => {
    const known = {
      repositoryID: 'old',
      firstBackupTime: '2026-01-01T00:00:00Z',
      lastBackupTime: '2026-12-01T00:00:00Z',
    };
    expect(learntFrom([], known)).toEqual(known);
    expect(learntFrom([good('2026-11-22T18:00:00Z', 'new')], known)).toEqual(known);
  });

  it('knows the id as soon as it is reported, before the session is over', () => {
    const running = aSession({
      status: { phase: 'Running', hosts: [{ host: 'host-0', repositoryID: 'abc' }] },
    });
    expect(learntFrom([running], undefined)).toEqual({ repositoryID: 'abc' });
  });
});

describe('repositoryReadiness', () => {
  const claim = (phase: string, deletionTimestamp?: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: 'backups',
      namespace: 'demo',
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: {},
    status: { phase },
  });

  it.each([
    ['no claim', undefined, 'ClaimNotFound'],
    ['a claim that is going', claim('Bound', '2026-11-22T18:00:00Z'), 'ClaimGoing'],
    ['a claim without its volume', claim('Lost'), 'ClaimGoing'],
  ])('is not ready with %s: a pod with it would never start', (_, found, reason) => {
    expect(repositoryReadiness(aRepository(), found)).toMatchObject({ status: 'False', reason });
  });

  it('is not ready with a claim for one pod alone, since an agent stands in the next pod too', () => {
    const alone = { ...claim('Bound'), spec: { accessModes: ['ReadWriteOncePod'] } };
    expect(repositoryReadiness(aRepository(), alone)).toMatchObject({
      status: 'False',
      reason: 'ClaimNotShareable',
    });
  });

  it.each(['Bound', 'Pending'])(
    'is ready with a claim that is %s, since one may wait for its first consumer',
    (phase) => {
      expect(repositoryReadiness(aRepository(), claim(phase))).toMatchObject({ status: 'True' });
    },
  );

  it('is ready without a claim where the backend needs no volume', () => {
    const repository = aRepository();
    repository.spec.backend = { gcs: { bucket: 'shop' }, storageSecretName: 'secret' };
    expect(repositoryReadiness(repository, undefined)).toMatchObject({
      status: 'True',
      reason: 'NoVolumeNeeded',
    });
  });

  it('is not usable before it was looked at, nor while it is being deleted', () => {
    expect(isUsable(aRepository())).toBe(true);
    expect(isUsable({ ...aRepository(), status: {} })).toBe(false);
    expect(isUsable(aRepository({ metadata: { deletionTimestamp: '2026-11-22T18:00:00Z' } }))).toBe(false);
  });
});
