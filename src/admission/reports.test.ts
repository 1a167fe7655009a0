import { describe, expect, it } from 'vitest';
import { BACKUP_SESSION } from '../api/kinds.ts';
import { refusalOfCheck, refusalOfReport } from './reports.ts';
import { requestFor } from './review.fixture.ts';
import type { UserInfo } from './review.ts';
import { validateReports } from './validate-reports.ts';
import { ALLOWED } from './verdict.ts';

const operator = 'system:serviceaccount:stash-system:stash-operator';
const agent = (uid: string, pod = 'shop-1'): UserInfo => ({
  username: 'system:serviceaccount:demo:shop',
  extra: {
    'authentication.kubernetes.io/pod-uid': [uid],
    'authentication.kubernetes.io/pod-name': [pod],
  },
});
const own = { host: 'host-0', podName: 'shop-1', podUID: 'uid-0' };
const other = { host: 'host-1', podName: 'shop-2', podUID: 'uid-1', phase: 'Running' };
const running = {
  phase: 'Running',
  startTime: '2026-01-01T00:00:00Z',
  initializer: 'host-0',
  hosts: [own, other],
  stats: [{ hostname: 'host-1', directory: '/data', snapshot: 'aaaa' }],
};
const stat = { hostname: 'host-0', directory: '/data', snapshot: 'bbbb' };
const settled = { ...running, hosts: [{ ...own, phase: 'Failed', reason: 'AgentLost' }, other] };

describe('refusalOfReport', () => {
  const admitted: [string, UserInfo, object, object][] = [
    ['the own entry', agent('uid-0'), running, { ...running, hosts: [{ ...own, phase: 'Running' }, other] }],
    ['the own stats', agent('uid-0'), running, { ...running, stats: [...running.stats, stat] }],
    [
      'both, in another order',
      agent('uid-0'),
      running,
      { ...running, hosts: [other, { ...own, phase: 'Succeeded' }], stats: [stat, ...running.stats] },
    ],
    ['its own stats taken back', agent('uid-1'), running, { ...running, stats: [] }],
    ['the same again after it was settled', agent('uid-0'), settled, settled],
    [
      'its retention after it was settled',
      agent('uid-1'),
      { ...running, hosts: [own, { ...other, phase: 'Succeeded' }], retention: { host: 'host-1' } },
      {
        ...running,
        hosts: [own, { ...other, phase: 'Succeeded', retention: { phase: 'Running' } }],
        retention: { host: 'host-1' },
      },
    ],
    [
      'the id of the repository, by the host that is to create it',
      agent('uid-0'),
      running,
      { ...running, hosts: [{ ...own, repositoryID: 'abc' }, other] },
    ],
    ['anything by the operator', { username: operator, extra: agent('uid-9').extra }, {}, running],
    ['anything by a person', { username: 'alice', extra: {} }, running, { ...running, phase: 'Failed' }],
  ];

  it.each(admitted)('admits %s', (_, user, before, after) => {
    expect(refusalOfReport(user, before as never, after as never, operator)).toBeUndefined();
  });

  const over = (phase: string) => ({ ...running, phase });
  const named = { ...running, hosts: [{ ...own, repositoryID: 'abc' }, other] };
  const refused: [string, UserInfo, object, object, string][] = [
    [
      'the id of the repository by a host that is not asked',
      agent('uid-1'),
      running,
      { ...running, hosts: [own, { ...other, repositoryID: 'abc' }] },
      'the repositoryID is for status.initializer to say, once, and the host host-1 is not asked',
    ],
    [
      'another id than was said',
      agent('uid-0'),
      named,
      { ...named, hosts: [{ ...own, repositoryID: 'def' }, other] },
      'the repositoryID is for status.initializer to say, once, and the host host-0 is not asked',
    ],
    [
      'a pod that is no host',
      agent('uid-9', 'intruder'),
      running,
      running,
      'the pod intruder (uid uid-9) is none of status.hosts',
    ],
    ['a session without hosts', agent('uid-0'), {}, running, 'is none of status.hosts'],
    [
      'a pod that names itself a host',
      agent('uid-9'),
      running,
      { ...running, hosts: [...running.hosts, { host: 'host-2', podUID: 'uid-9' }] },
      'is none of status.hosts',
    ],
    [
      'a service account without a pod',
      { username: 'system:serviceaccount:demo:shop', extra: {} },
      running,
      { ...running, hosts: [{ ...own, phase: 'Succeeded' }, other] },
      'reports without a token that is bound to a pod',
    ],
    [
      'the entry of another host',
      agent('uid-0'),
      running,
      { ...running, hosts: [own, { ...other, phase: 'Failed' }] },
      "the host host-1 is another's; this pod's own is host-0",
    ],
    [
      'another host taken out',
      agent('uid-0'),
      running,
      { ...running, hosts: [own] },
      "the host host-1 is another's",
    ],
    [
      'a host more',
      agent('uid-0'),
      running,
      { ...running, hosts: [...running.hosts, { host: 'host-2' }] },
      "the host host-2 is another's",
    ],
    [
      'the stats of another host',
      agent('uid-0'),
      running,
      { ...running, stats: [{ ...running.stats[0], snapshot: 'cccc' }] },
      "the stats of host-1 are another's",
    ],
    [
      'the phase of the session',
      agent('uid-0'),
      running,
      { ...running, phase: 'Succeeded' },
      'status.phase is not for an agent',
    ],
    [
      'a deadline',
      agent('uid-0'),
      running,
      { ...running, deadline: '2030-01-01T00:00:00Z' },
      'status.deadline is not for an agent',
    ],
    [
      'the initializer taken out',
      agent('uid-1'),
      running,
      { ...running, initializer: undefined },
      'status.initializer is not',
    ],
    [
      'conditions',
      agent('uid-0'),
      running,
      { ...running, conditions: [{ type: 'Succeeded' }] },
      'status.conditions is not',
    ],
    [
      'another pod as its host',
      agent('uid-0'),
      running,
      { ...running, hosts: [{ ...own, podUID: 'uid-9' }, other] },
      "podUID of the host host-0 is the operator's to say",
    ],
    [
      'its pod name left out',
      agent('uid-0'),
      running,
      { ...running, hosts: [{ host: 'host-0', podUID: 'uid-0' }, other] },
      "podName of the host host-0 is the operator's to say",
    ],
    [
      'itself taken out',
      agent('uid-0'),
      running,
      { ...running, hosts: [other] },
      'the host host-0 cannot take itself out',
    ],
    [
      'success after it was given up',
      agent('uid-0'),
      settled,
      { ...settled, hosts: [{ ...own, phase: 'Succeeded' }, other] },
      'the host host-0 is Failed already, and what is settled stays so',
    ],
    [
      'a report after the end',
      agent('uid-0'),
      over('Failed'),
      over('Failed'),
      'the session is over: it is Failed',
    ],
    [
      'a report after success',
      agent('uid-0'),
      over('Succeeded'),
      over('Succeeded'),
      'the session is over: it is Succeeded',
    ],
  ];

  it.each(refused)('refuses %s, and says why', (_, user, before, after, message) => {
    expect(refusalOfReport(user, before as never, after as never, operator)).toContain(message);
  });
});

describe('validateReports', () => {
  const handle = validateReports({ operator });
  const report = requestFor({
    operation: 'UPDATE',
    kind: BACKUP_SESSION,
    subResource: 'status',
    userInfo: agent('uid-9', 'intruder'),
    object: { status: running },
    oldObject: { status: running },
  });

  it('refuses with 403 and the name of the session', () => {
    const verdict = handle(report);
    expect(verdict).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    expect(verdict).toMatchObject({
      status: { message: expect.stringMatching(/^BackupSession shop: the pod intruder/) },
    });
  });

  it('admits what is no report', () => {
    expect(handle({ ...report, subResource: '' })).toBe(ALLOWED);
    expect(handle({ ...report, oldObject: undefined })).toBe(ALLOWED);
  });
});

describe('refusalOfCheck', () => {
  const integrity = {
    jobName: 'repo-check-1',
    scheduledTime: '2026-01-01T00:00:00Z',
    startTime: '2026-01-01T00:00:01Z',
    deadline: '2026-01-01T01:00:00Z',
    podName: 'repo-check-1-x',
    podUID: 'uid-0',
    phase: 'Running',
  };
  const before = { repositoryID: 'abc', integrity };
  const found = {
    phase: 'Succeeded',
    snapshotCount: 3,
    sizeBytes: 12,
    completionTime: '2026-01-01T00:10:00Z',
  };
  const reported = { ...before, integrity: { ...integrity, ...found } };

  it.each<[string, UserInfo]>([
    ['the pod of the check', agent('uid-0')],
    ['the operator', { username: operator, extra: {} }],
    ['a person', { username: 'jane', extra: {} }],
  ])('admits what %s reports', (_, user) => {
    expect(refusalOfCheck(user, before, reported, operator)).toBeUndefined();
  });

  const refused: [string, UserInfo, object, object, RegExp][] = [
    ['another pod', agent('uid-1'), before, reported, /is not that of status\.integrity/],
    ['any pod where none is appointed', agent('uid-0'), { repositoryID: 'abc' }, reported, /is not that of/],
    ['a token without a pod', { ...agent('x'), extra: {} }, before, reported, /bound to a pod/],
    ['a second report', agent('uid-0'), reported, { ...reported, integrity }, /the check is over/],
    [
      'another repository id',
      agent('uid-0'),
      before,
      { ...reported, repositoryID: 'x' },
      /status\.repositoryID/,
    ],
    ['conditions', agent('uid-0'), before, { ...reported, conditions: [] }, /status\.conditions/],
    [
      'another pod to follow it',
      agent('uid-0'),
      before,
      { ...before, integrity: { ...integrity, podUID: 'uid-2' } },
      /podUID of status\.integrity is the operator's/,
    ],
    ['itself taken out', agent('uid-0'), before, { repositoryID: 'abc' }, /jobName of status\.integrity/],
  ];

  it.each(refused)('refuses %s', (_, user, old, next, message) => {
    const refusal = refusalOfCheck(
      user,
      old as Record<string, unknown>,
      next as Record<string, unknown>,
      operator,
    );
    expect(refusal).toMatch(message);
  });
});
