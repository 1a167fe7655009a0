import { describe, expect, test } from 'vitest';
import type { BackupHost, BackupSession } from '../api/backup-session.ts';
import { dutyOf, whyStop } from './duty.ts';

type Status = NonNullable<BackupSession['status']>;

function sessionWith(
  host: Partial<BackupHost>,
  status: Partial<Status> = {},
  more: { cancel?: boolean; deleted?: boolean } = {},
): BackupSession {
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupSession',
    metadata: {
      name: 'session',
      namespace: 'shop',
      ...(more.deleted === true && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { backupConfiguration: { name: 'web' }, cancel: more.cancel ?? false },
    status: { phase: 'Running', hosts: [{ host: 'host-0', podUID: 'ours', ...host }], ...status },
  };
}

const retention = { retention: { host: 'host-0' } };

describe('what a session asks of an agent', () => {
  test.each([
    ['to back up where nobody has begun', sessionWith({}), 'Backup'],
    [
      'to back up, and be stopped at once, where it was cancelled',
      sessionWith({}, {}, { cancel: true }),
      'Backup',
    ],
    ['nothing where another pod acts', sessionWith({ podUID: 'another' }), undefined],
    ['nothing before it is started', sessionWith({}, { phase: 'Pending' }), undefined],
    ['nothing when it is over', sessionWith({}, { phase: 'Failed' }), undefined],
    ['nothing when it is being deleted', sessionWith({}, {}, { deleted: true }), undefined],
    ['to tell of an agent that was lost', sessionWith({ phase: 'Running' }), 'ReportLostBackup'],
    ['nothing when its host is done', sessionWith({ phase: 'Succeeded' }), undefined],
    ['to apply retention when its host is done', sessionWith({ phase: 'Succeeded' }, retention), 'Retention'],
    [
      'no retention while its host is at work',
      sessionWith({ phase: 'Running' }, retention),
      'ReportLostBackup',
    ],
    [
      'no retention that another host applies',
      sessionWith({ phase: 'Succeeded' }, { retention: { host: 'host-1' } }),
      undefined,
    ],
    [
      'to tell of a retention that was lost',
      sessionWith({ phase: 'Succeeded', retention: { phase: 'Running' } }, retention),
      'ReportLostRetention',
    ],
    [
      'no retention twice',
      sessionWith({ phase: 'Succeeded', retention: { phase: 'Failed' } }, retention),
      undefined,
    ],
  ])('%s', (_, session, duty) => {
    expect(dutyOf(session, 'ours')).toBe(duty);
  });
});

describe('an agent at work', () => {
  test.each([
    ['goes on while its session runs', sessionWith({ phase: 'Running' }), undefined],
    ['stops when its session is over', sessionWith({ phase: 'Running' }, { phase: 'Failed' }), 'SessionOver'],
    ['stops when its session is being deleted', sessionWith({}, {}, { deleted: true }), 'SessionOver'],
    ['stops when its session is cancelled', sessionWith({}, {}, { cancel: true }), 'Cancelled'],
    ['stops when the operator has settled its host', sessionWith({ phase: 'Failed' }), 'GivenUp'],
    ['stops when its host was given to another pod', sessionWith({ podUID: 'another' }), 'GivenUp'],
  ])('%s', (_, session, reason) => {
    expect(whyStop(session, 'ours', true)?.reason).toBe(reason);
  });

  test('takes its own end for no reason to stop', () => {
    expect(whyStop(sessionWith({ phase: 'Succeeded' }), 'ours', false)).toBeUndefined();
  });
});
